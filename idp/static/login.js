// Comfort for the login page; everything works without it.
"use strict";

(() => {
  const byId = (id) => document.getElementById(id);
  const form = byId("login-form");

  function letPasswordBeShown() {
    const field = byId("password");
    const button = byId("password-show");
    const show = (shown) => {
      field.type = shown ? "text" : "password";
      button.setAttribute("aria-pressed", String(shown));
    };
    button.hidden = false;
    button.addEventListener("click", () => {
      show(field.type === "password");
      field.focus();
    });
    // Browsers remember what text fields held; a password must be a password again when it is sent.
    form.addEventListener("submit", () => show(false));
  }

  // Telex and VNI turn "aa" into "â" and "a1" into "á" while the person sees only dots.
  function warnOfVietnameseKeyboard() {
    const field = byId("password");
    const warning = byId("password-ime");
    const vietnamese = /[aeiouy][\u0300-\u0303\u0306\u0309\u031b\u0323]|đ/iu;
    field.addEventListener("input", () => {
      warning.hidden = !vietnamese.test(field.value.normalize("NFD"));
    });
  }

  function say(text) {
    byId("captcha-status").textContent = text;
  }

  function offerOwnPlayer() {
    byId("captcha-audio").hidden = true;
    byId("captcha-listen").hidden = false;
  }

  function listen() {
    const audio = byId("captcha-audio");
    if (!audio.paused) {
      audio.pause();
      return;
    }
    audio.currentTime = 0;
    audio.play().catch(() => say(byId("captcha-status").dataset.silent));
  }

  // The page behind the link holds a new challenge; only that part of it is taken over.
  async function changeChallenge(link) {
    try {
      const answer = await fetch(link.href, { headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      byId("captcha-challenge").replaceWith(document.adoptNode(page.getElementById("captcha-challenge")));
      offerOwnPlayer();
      byId("captcha").value = "";
      byId("captcha-new").focus();
      say(byId("captcha-status").dataset.changed);
    } catch {
      location.assign(link.href);
    }
  }

  function serveCaptcha() {
    offerOwnPlayer();
    form.addEventListener("click", (event) => {
      const pressed = event.target.closest("#captcha-new, #captcha-listen");
      if (!pressed) return;
      event.preventDefault();
      if (pressed.id === "captcha-new") changeChallenge(pressed);
      else listen();
    });
  }

  function countDown(seconds) {
    const button = byId("login-submit");
    const note = byId("login-wait");
    const end = Date.now() + seconds * 1000;
    const refuse = (event) => {
      if (event.submitter === button) event.preventDefault();
    };
    const tick = () => {
      const left = Math.ceil((end - Date.now()) / 1000);
      const minutes = left > 90;
      note.textContent = (minutes ? note.dataset.minutes : note.dataset.text)
        .replace("{seconds}", left).replace("{minutes}", Math.ceil(left / 60));
      if (left > 0) return;
      clearInterval(timer);
      note.hidden = true;
      button.removeAttribute("aria-disabled");
      form.removeEventListener("submit", refuse);
    };
    const timer = setInterval(tick, 1000);
    form.addEventListener("submit", refuse);
    button.setAttribute("aria-disabled", "true");
    note.hidden = false;
    tick();
  }

  letPasswordBeShown();
  warnOfVietnameseKeyboard();
  if (byId("captcha-challenge")) serveCaptcha();
  if (form.dataset.wait) countDown(Number(form.dataset.wait));
})();
