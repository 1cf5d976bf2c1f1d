// Asks the device for a passkey, or to make one, and sends its answer off with the form around the button.
"use strict";

(() => {
  const form = document.getElementById("passkey");
  if (!form || !window.PublicKeyCredential) return;
  const status = document.getElementById("passkey-status");
  const unable = document.getElementById("passkey-unable");
  const say = (what) => {
    status.textContent = what ? status.dataset[what] : "";
  };

  const bytes = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");

  // What JSON cannot hold; older browsers have no parser of their own for it.
  function question(told) {
    told.challenge = bytes(told.challenge);
    if (told.user) told.user.id = bytes(told.user.id);
    for (const known of [...(told.allowCredentials || []), ...(told.excludeCredentials || [])]) known.id = bytes(known.id);
    return { publicKey: told };
  }

  function answer(made) {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (made.response[name]) response[name] = text(made.response[name]);
    }
    return JSON.stringify({ id: made.id, rawId: text(made.rawId), type: made.type, response });
  }

  async function go() {
    // A redirect means that something else is owed first: the page itself leads there.
    const told = await fetch(form.dataset.ask, { redirect: "manual", headers: { Accept: "application/json" } });
    if (told.type === "opaqueredirect") return location.reload();
    if (!told.ok) return say("failed");
    const made = await navigator.credentials[form.dataset.by](question(await told.json()));
    form.elements.answer.value = answer(made);
    const remember = document.querySelector("input[name=remember]:checked");
    if (remember && !form.contains(remember)) form.append(remember.cloneNode());
    form.submit();
  }

  const SAID = { NotAllowedError: "cancelled", AbortError: "cancelled", InvalidStateError: "known" };
  let busy = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    say("asking");
    go()
      .catch((error) => say(SAID[error.name] || "failed"))
      .finally(() => {
        busy = false;
      });
  });

  form.hidden = false;
  if (unable) unable.hidden = true;
})();
