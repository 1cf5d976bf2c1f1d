// Finds the number whose digest is asked for, off the page's own thread.
"use strict";

const BATCH = 64;

const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");

function digests(salt, from) {
  const texts = Array.from({ length: BATCH }, (_, index) => new TextEncoder().encode(salt + (from + index)));
  return Promise.all(texts.map((text) => crypto.subtle.digest("SHA-256", text)));
}

async function solve({ algorithm, challenge, maxNumber, salt, signature }) {
  for (let from = 0; from <= maxNumber; from += BATCH) {
    const found = (await digests(salt, from)).findIndex((digest) => hex(digest) === challenge);
    if (found >= 0) return { algorithm, challenge, number: from + found, salt, signature };
  }
  throw new Error("no number fits");
}

// Who finds nothing sends what was asked, which is no solution: then the short wait serves.
addEventListener("message", ({ data }) => solve(data).catch(() => data).then(postMessage));
