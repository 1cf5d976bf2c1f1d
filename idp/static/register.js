// Comfort for form 01: the second list follows the first at once, a picture is made smaller and checked as soon as it is
// chosen, a wrong form shows where, and the paper is printed.
"use strict";

(() => {
  const form = document.getElementById("form01");

  async function fill(from, select, url) {
    const asked = from.value;
    const answer = await fetch(url + encodeURIComponent(asked), { credentials: "omit" });
    if (!answer.ok || from.value !== asked) return;
    const found = await answer.json();
    const first = select.options[0];
    select.replaceChildren(first, ...found.map((one) => {
      const option = new Option(`${one.code} - ${one.name}`, one.code);
      option.dataset.address = one.address || "";
      option.dataset.phone = one.phone || "";
      return option;
    }));
    select.value = "";
    select.dispatchEvent(new Event("change"));
  }

  function follow(first, second, url) {
    const from = document.getElementById(first);
    if (!from) return;
    const to = document.getElementById(second);
    from.addEventListener("change", () => {
      // Without an answer the button beside the list still asks for the page.
      fill(from, to, url).catch(() => {});
    });
    if (from.value && to.options.length < 2) fill(from, to, url).catch(() => {});
  }

  // Larger than what is kept, so that nothing is lost; a phone's picture of 48 megapixels needs no minute to arrive.
  const LONGEST_SIDE = 2400;
  const sending = new Set();

  // The picture upright and small, or the file as it is where the browser cannot read it: then the server says why not.
  async function smaller(file) {
    try {
      const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
      const part = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
      const canvas = document.createElement("canvas");
      canvas.width = Math.round(bitmap.width * part);
      canvas.height = Math.round(bitmap.height * part);
      const context = canvas.getContext("2d");
      context.fillStyle = "white";
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
      bitmap.close();
      const made = await new Promise((done) => { canvas.toBlob(done, "image/jpeg", 0.9); });
      return made && made.size < file.size ? made : file;
    } catch {
      return file;
    }
  }

  function send(input, picture, bar) {
    return new Promise((done, failed) => {
      const body = new FormData();
      body.append("csrf", form.elements.csrf.value);
      body.append(input.name, picture, "picture");
      const request = new XMLHttpRequest();
      request.open("POST", `/register/photo/${input.name}`);
      request.responseType = "json";
      request.timeout = 120000;
      request.upload.addEventListener("progress", (event) => { bar.value = event.loaded / event.total; });
      request.addEventListener("load", () => {
        const understood = request.status === 200 || request.status === 422;
        if (understood && request.response) done(request.response.problem); else failed(new Error(request.status));
      });
      for (const end of ["error", "timeout", "abort"]) request.addEventListener(end, failed);
      request.send(body);
    });
  }

  function line(input, kind) {
    const id = `${input.name}-${kind}`;
    const found = document.getElementById(id) || document.createElement("p");
    found.id = id;
    found.className = kind === "problem" ? "problem" : "hint";
    found.setAttribute("role", kind === "problem" ? "alert" : "status");
    input.after(found);
    return found;
  }

  function tellProblem(input, sentence) {
    document.getElementById(`${input.name}-problem`)?.remove();
    input.toggleAttribute("aria-invalid", Boolean(sentence));
    const hint = document.getElementById(`${input.name}-hint`) ? `${input.name}-hint` : "";
    input.setAttribute("aria-describedby", `${sentence ? `${input.name}-problem ` : ""}${hint}`.trim());
    if (sentence) line(input, "problem").textContent = sentence;
  }

  async function keep(input) {
    const [file] = input.files;
    const status = line(input, "status");
    const bar = document.createElement("progress");
    status.replaceChildren(input.dataset.sending, " ", bar);
    tellProblem(input, "");
    const number = (input.dataset.number = String(Number(input.dataset.number || 0) + 1));
    let sentence;
    try {
      sentence = await send(input, await smaller(file), bar);
    } catch {
      sentence = input.dataset.failed;
    }
    if (number !== input.dataset.number) return; // Another one was chosen meanwhile.
    status.textContent = sentence ? "" : input.dataset.kept;
    tellProblem(input, sentence);
    // It is with the server, or is no use to it: the form need not carry it.
    input.value = "";
    if (sentence) return;
    const shown = input.closest(".picture").querySelector(".kept-photo");
    shown.querySelector("img").src = `/register/photo/${input.name}?n=${Date.now()}`;
    shown.hidden = false;
  }

  function keepAtOnce(input) {
    const begin = () => {
      if (!input.files.length) return;
      const kept = keep(input).finally(() => sending.delete(kept));
      sending.add(kept);
    };
    input.addEventListener("change", begin);
    begin(); // Somebody may have been quicker than this script.
  }

  // A form is sent when its pictures have arrived.
  function waitForPictures(event) {
    if (!sending.size) return;
    event.preventDefault();
    Promise.allSettled([...sending]).then(() => form.requestSubmit(event.submitter));
  }

  function tellAgency() {
    const chosen = document.getElementById("agency").selectedOptions[0];
    document.getElementById("agency-address").textContent = chosen?.dataset.address || "–";
    document.getElementById("agency-phone").textContent = chosen?.dataset.phone || "–";
  }

  if (form) {
    follow("province", "commune", "/api/registrations/communes?province=");
    follow("region", "agency", "/api/registrations/agencies?region=");
    document.getElementById("agency").addEventListener("change", tellAgency);
    form.querySelectorAll("input[type=file]").forEach(keepAtOnce);
    form.addEventListener("submit", waitForPictures);
    (document.getElementById("problems") || document.getElementById("warnings"))?.focus();
  }

  const print = document.getElementById("print");
  if (print) {
    print.hidden = false;
    print.addEventListener("click", () => window.print());
  }
})();
