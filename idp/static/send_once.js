// A form is sent once: a second press of the same button while the answer is on its way does nothing.
"use strict";

(() => {
  const PATIENCE_MS = 10000;

  function forget(form) {
    delete form.dataset.sentBy;
    form.querySelectorAll("[aria-disabled]").forEach((button) => button.removeAttribute("aria-disabled"));
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    const button = event.submitter;
    const name = button?.name || "form";
    if (event.defaultPrevented) return;
    if (form.dataset.sentBy === name) {
      event.preventDefault();
      return;
    }
    form.dataset.sentBy = name;
    // The attribute, not `disabled`: a disabled button would not be part of what is sent.
    button?.setAttribute("aria-disabled", "true");
    setTimeout(() => forget(form), PATIENCE_MS);
  });

  // Coming back by the browser's "back" shows the page as it was left.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) document.querySelectorAll("form").forEach(forget);
  });
})();
