"use strict";
// Shows a local file in the place of its destroyed thumbnail, on a click and never before.
(() => {
  const hide = (button) => {
    button.setAttribute("aria-pressed", "false");
    button.querySelectorAll(".original, .failed").forEach((one) => one.remove());
  };
  const add = (button, kind, name) => {
    const element = document.createElement(kind);
    element.className = name;
    button.append(element);
    return element;
  };
  const load = (button, kinds) => {
    const said = button.closest("[data-failed]").dataset;
    const original = add(button, kinds[0], "original");
    original.onerror = () => {
      original.remove();
      if (button.getAttribute("aria-pressed") !== "true") return;
      if (kinds.length > 1) load(button, kinds.slice(1));
      else add(button, "span", "failed").textContent = said.failed;
    };
    if (kinds[0] === "img") original.alt = said.alt;
    else Object.assign(original, { muted: true, autoplay: true, loop: true, ariaLabel: said.alt });
    original.src = button.dataset.file;
  };
  const show = (button) => {
    button.setAttribute("aria-pressed", "true");
    load(button, "film" in button.dataset ? ["img", "video"] : ["img"]);
  };
  // Here and not on each: buttons may come and go.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-file]");
    if (button) (button.getAttribute("aria-pressed") === "true" ? hide : show)(button);
  });
  const hideAll = () => document.querySelectorAll("button[data-file][aria-pressed=true]").forEach(hide);
  addEventListener("keydown", (event) => { if (event.key === "Escape") hideAll(); });
  addEventListener("beforeprint", hideAll);
  addEventListener("pagehide", hideAll);
})();
