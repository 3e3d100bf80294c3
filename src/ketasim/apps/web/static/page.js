"use strict";
// The page works without this file; it only spares waiting and clicks.
(() => {
  // what a slider stands on, while it is moved
  document.addEventListener("input", (event) => {
    const slider = event.target;
    if (!(slider instanceof HTMLInputElement) || slider.type !== "range") return;
    const shown = document.querySelector(`output[for="${slider.id}"]`);
    if (shown) shown.textContent = `${slider.value} ${slider.dataset.unit || ""}`;
  });
  // a table of doses is a draft until it is applied
  document.addEventListener("input", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-draft]")) event.stopPropagation();
  }, true);
  // the form asks; which of its fields changed decides what else of it is written again
  document.addEventListener("htmx:configRequest", (event) => {
    const field = event.detail.triggeringEvent?.target;
    if (field && field.name) event.detail.headers["HX-Trigger-Name"] = field.name;
  });
  // what is still computed keeps the room of what it replaces
  // (none of them has an id: htmx copies attributes of those, and a style would be refused)
  const room = new Map();
  document.addEventListener("htmx:beforeSwap", () => {
    for (const one of document.querySelectorAll("[data-room]")) room.set(one.dataset.room, one.offsetHeight);
  });
  document.addEventListener("htmx:afterSwap", () => {
    for (const one of document.querySelectorAll("[aria-busy] [data-room]")) {
      if (room.has(one.dataset.room)) one.style.minHeight = `${room.get(one.dataset.room)}px`;
    }
  });
  // a field that is wrong says so to a screen reader, and whoever hears is told what changed
  document.addEventListener("htmx:afterSettle", () => {
    for (const one of document.querySelectorAll("p.error[id^='e-']")) {
      const field = document.getElementById(one.id.slice(2));
      if (!field) continue;
      if (one.textContent.trim()) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
    }
    const live = document.getElementById("live");
    if (live) live.textContent = "Updated";
  });
  document.addEventListener("htmx:sendError", () => {
    const live = document.getElementById("live");
    if (live) live.textContent = "The page does not answer";
  });
  // folded tables are printed
  addEventListener("beforeprint", () => {
    for (const one of document.querySelectorAll("details.twin")) one.open = true;
  });
})();
