// Comfort for form 01: the second list follows the first at once, a wrong form shows where, and the paper is printed.
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
    (document.getElementById("problems") || document.getElementById("warnings"))?.focus();
  }

  const print = document.getElementById("print");
  if (print) {
    print.hidden = false;
    print.addEventListener("click", () => window.print());
  }
})();
