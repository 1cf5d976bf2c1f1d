// The waiting page of a login by QR code; without it the page is loaded again with each new picture.
"use strict";

(() => {
  const byId = (id) => document.getElementById(id);
  const page = byId("qr");
  const sentences = JSON.parse(page.dataset.sentences);
  const MODULES = Number(page.dataset.modules);
  const QUIET = Number(page.dataset.quiet);
  const PATIENCE = 5;
  const picture = byId("qr-picture").querySelector("path:last-child");
  let state = page.dataset.state;
  let end = Date.now() + Number(page.dataset.left) * 1000;
  let coming = [];

  const waits = () => state === "pending" || state === "scanned";

  // The modules row by row as one hexadecimal number; a line for every run of dark ones.
  function lines(modules) {
    const bits = BigInt(`0x${modules}`).toString(2).padStart(MODULES * MODULES, "0");
    let path = "";
    for (let y = 0; y < MODULES; y += 1) {
      for (const run of bits.slice(y * MODULES, (y + 1) * MODULES).matchAll(/1+/g)) {
        path += `M${run.index + QUIET} ${y + QUIET}.5h${run[0].length}`;
      }
    }
    return path;
  }

  function draw(told) {
    coming.forEach(clearTimeout);
    coming = told.pictures.map((modules, n) => {
      const wait = n === 0 ? 0 : (told.change + (n - 1) * told.every) * 1000;
      return setTimeout(() => picture.setAttribute("d", lines(modules)), wait);
    });
  }

  function say(name, device) {
    const sentence = sentences[name].replace("{device}", () => device || "");
    if (byId("qr-said").textContent !== sentence) byId("qr-said").textContent = sentence;
  }

  function become(next) {
    state = next;
    for (const part of page.querySelectorAll("[data-in]")) {
      part.hidden = !part.dataset.in.split(" ").includes(state);
    }
    if (state !== "pending") coming.forEach(clearTimeout);
    if (waits()) return;
    clearInterval(clock);
    byId("qr-said").className = state === "delivered" ? "qr-said" : "alert";
    byId("qr-new").className = state === "gone" ? "secondary" : "primary";
  }

  function heed(told) {
    if (told.state === "slow_down") return;
    if (told.left !== undefined) end = Date.now() + told.left * 1000;
    become(told.state);
    say(told.say, told.device);
    if (told.state === "pending") draw(told);
    if (told.state === "delivered") location.replace(told.next);
  }

  async function ask() {
    let pause = PATIENCE;
    try {
      const body = new URLSearchParams({ attempt: page.dataset.attempt });
      const answer = await fetch("/login/qr/poll", { method: "POST", body });
      pause = Number(answer.headers.get("Retry-After")) || PATIENCE;
      if (!answer.ok) throw new Error(String(answer.status));
      heed(await answer.json());
    } catch {
      if (waits()) say("lost");
    }
    if (waits()) setTimeout(ask, pause * 1000);
  }

  function count() {
    const left = Math.max(0, Math.ceil((end - Date.now()) / 1000));
    byId("qr-left").textContent = byId("qr-left").dataset.text.replace("{seconds}", String(left));
    if (left > 0) return;
    become("expired");
    say("expired");
  }

  const clock = setInterval(count, 1000);
  if (waits()) ask();
  else clearInterval(clock);
})();
