// A form is sent once: a second press of the same button while the answer is on its way does nothing.
"use strict";

(() => {
  const PATIENCE_MS = 10000;

  // `aria-disabled`, not `disabled`: a disabled button would not be part of what is sent.
  function hold(button) {
    button.dataset.sent = "";
    button.setAttribute("aria-disabled", "true");
  }

  function release(button) {
    delete button.dataset.sent;
    button.removeAttribute("aria-disabled");
  }

  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (event.defaultPrevented || !button) return;
    if ("sent" in button.dataset) {
      event.preventDefault();
      return;
    }
    hold(button);
    setTimeout(() => release(button), PATIENCE_MS);
  });

  // Coming back by the browser's "back" shows the page as it was left.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) document.querySelectorAll("[data-sent]").forEach(release);
  });
})();
