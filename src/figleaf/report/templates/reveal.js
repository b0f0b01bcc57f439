"use strict";
// Shows a local file in the place of its destroyed thumbnail, on a click and never before.
(() => {
  const buttons = [...document.querySelectorAll("button[data-file]")];
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
  const show = (button) => {
    const said = button.closest("[data-failed]").dataset;
    const original = add(button, "img", "original");
    original.alt = said.alt;
    original.onerror = () => {
      original.remove();
      if (button.getAttribute("aria-pressed") === "true") {
        add(button, "span", "failed").textContent = said.failed;
      }
    };
    original.src = button.dataset.file;
    button.setAttribute("aria-pressed", "true");
  };
  for (const button of buttons) {
    button.addEventListener("click", () =>
      (button.getAttribute("aria-pressed") === "true" ? hide : show)(button));
  }
  const hideAll = () => buttons.forEach(hide);
  addEventListener("keydown", (event) => { if (event.key === "Escape") hideAll(); });
  addEventListener("beforeprint", hideAll);
  addEventListener("pagehide", hideAll);
})();
