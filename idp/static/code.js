// Comfort for pages with a one-time code; everything works without it.
"use strict";

(() => {
  const again = document.getElementById("code-again");
  const line = document.getElementById("code-wait");
  let left = again ? Number(again.dataset.wait || 0) : 0;
  if (!left || !line) return;

  function tell() {
    again.disabled = left > 0;
    line.hidden = left <= 0;
    const text = left > 90 ? line.dataset.minutes : line.dataset.text;
    line.textContent = text.replace("{seconds}", String(left)).replace("{minutes}", String(Math.ceil(left / 60)));
  }

  tell();
  const clock = setInterval(() => {
    left -= 1;
    tell();
    if (left <= 0) clearInterval(clock);
  }, 1000);
})();
