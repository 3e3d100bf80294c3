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
  // figures that a request under way will replace are marked as old, to the eye and to a screen reader
  const asked = new Map();
  let waiting = 0;
  const old = (detail, busy) => {
    const target = detail.target;
    if (!(target instanceof Element) || !document.contains(target)) return;
    target.classList.toggle("old", busy);
    if (busy) target.setAttribute("aria-busy", "true");
    else target.removeAttribute("aria-busy");
    clearTimeout(waiting);
    const live = document.getElementById("live");
    if (busy && live) waiting = setTimeout(() => { live.textContent = "Computing; the figures are still the old ones"; }, 800);
  };
  document.addEventListener("htmx:beforeSend", (event) => {
    asked.set(event.detail.elt, event.detail);
    old(event.detail, true);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    asked.delete(event.detail.elt);
    old(event.detail, false);
  });
  // an edit that replaces a request under way is no error: HTMX writes to the console what has one
  document.addEventListener("htmx:abort", (event) => {
    const detail = asked.get(event.target);
    if (detail) detail.error = "";
  }, true);
  // folded tables are printed
  addEventListener("beforeprint", () => {
    for (const one of document.querySelectorAll("details.twin")) one.open = true;
  });
})();
