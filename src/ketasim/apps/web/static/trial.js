"use strict";
// How far a run is, told as the server sends it; without this file the page asks again by itself.
(() => {
  const shown = document.querySelector("[data-events]");
  const live = document.getElementById("live");
  if (!shown) {
    // what came out is read first
    if (location.hash === "#run") document.getElementById("run")?.focus();
    return;
  }
  const bar = shown.querySelector("progress");
  const words = shown.querySelector("[data-what]");
  const head = document.getElementById("run-head");
  const source = new EventSource(shown.dataset.events);
  let tenths = 0;
  source.addEventListener("message", (event) => {
    const said = JSON.parse(event.data);
    if (!["waiting", "running"].includes(said.state)) {
      source.close();
      location.reload();
      return;
    }
    bar.value = said.part;
    head.textContent = said.state === "waiting" ? "Waiting to be run" : "Running";
    words.textContent = said.state === "waiting"
      ? `${said.ahead} run${said.ahead === 1 ? "" : "s"} before it`
      : said.what || "starting";
    if (live && Math.floor(said.part * 10) > tenths) {
      tenths = Math.floor(said.part * 10);
      live.textContent = `${tenths * 10} % done`;
    }
  });
})();
