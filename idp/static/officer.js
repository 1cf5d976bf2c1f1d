// Shortcuts of the console: Alt and a digit press the button that says so. Without this script everything is a form.
"use strict";

const buttons = [...document.querySelectorAll("button[data-key]")];

for (const hint of document.querySelectorAll("kbd, [data-keys]")) {
  hint.hidden = false;
}

document.addEventListener("keydown", (event) => {
  if (!event.altKey || event.ctrlKey || event.metaKey || event.repeat) {
    return;
  }
  const button = buttons.find((each) => `Digit${each.dataset.key}` === event.code);
  if (!button) {
    return;
  }
  event.preventDefault();
  const needed = button.dataset.needs && document.getElementById(button.dataset.needs);
  if (needed && !needed.value) {
    needed.focus();
    return;
  }
  button.form.requestSubmit(button);
});
