// The page goes on by itself once the phone has confirmed.
(function () {
  const waiting = document.getElementById("waiting");
  const ask = async () => {
    try {
      const answer = await fetch(waiting.dataset.state, { cache: "no-store" });
      if ((await answer.json()).ready) return location.assign(waiting.dataset.next);
    } catch (error) { /* asked again */ }
    setTimeout(ask, 1000);
  };
  setTimeout(ask, 1000);
})();
