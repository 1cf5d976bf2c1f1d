// Does the work that a captcha asks for (ALTCHA, version 1) while the person is typing. Without it a short wait serves.
"use strict";

(() => {
  const place = document.getElementById("captcha-challenge")?.parentElement;
  if (!place || !globalThis.crypto?.subtle || !globalThis.Worker) return;

  const open = () => place.querySelector("input[name=altcha]");
  let solver = null;
  let pressed = null;
  // So old a captcha needs no work.
  const LONGEST_WAIT = 30_000;

  function done(found) {
    const field = open();
    if (!field || field.value || JSON.parse(field.dataset.work).challenge !== found.challenge) return;
    field.value = btoa(JSON.stringify(found));
    if (pressed) pressed.form.requestSubmit(pressed);
  }

  function begin() {
    const field = open();
    if (!field || field.value || "begun" in field.dataset) return;
    field.dataset.begun = "";
    // Another picture brings other work; the old one is given up.
    solver?.terminate();
    solver = new Worker(field.dataset.solver);
    const work = JSON.parse(field.dataset.work);
    // A solver that cannot start, or takes longer than the wait, must not hold the form: what was asked is no solution.
    solver.addEventListener("message", (event) => done(event.data));
    solver.addEventListener("error", () => done(work));
    setTimeout(() => done(work), LONGEST_WAIT);
    solver.postMessage(work);
  }

  // Whoever is faster than the work has pressed the button already, and is sent on when it is done.
  document.addEventListener("submit", (event) => {
    const field = open();
    if (!field || field.value || field.form !== event.target || event.submitter?.formNoValidate) return;
    event.preventDefault();
    pressed = event.submitter;
    pressed.setAttribute("aria-busy", "true");
  }, { capture: true });

  new MutationObserver(begin).observe(place, { childList: true });
  begin();
})();
