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
    line.textContent = line.dataset.text.replace("{seconds}", String(left));
  }

  tell();
  const clock = setInterval(() => {
    left -= 1;
    tell();
    if (left <= 0) clearInterval(clock);
  }, 1000);
})();
