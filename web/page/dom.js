// Elements of the page, found and made.

/** The element with this id, which is in index.html. */
export const at = (id) => document.getElementById(id);

/**
 * A new element.
 *
 * @param {string} tag
 * @param {Object<string, string | boolean | number>} attributes; `text` is its text, true an attribute
 *     without a value, false and undefined none
 * @param {...(Node | string)} children
 */
export function make(tag, attributes = {}, ...children) {
  return dressed(document.createElement(tag), attributes, children);
}

const SVG = "http://www.w3.org/2000/svg";

/** A new element of a drawing; as `make`. */
export function shape(tag, attributes = {}, ...children) {
  return dressed(document.createElementNS(SVG, tag), attributes, children);
}

function dressed(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = value;
    else if (value !== false && value !== undefined) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/** Set an element's text, and touch nothing where it says so already. */
export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A callback that runs once a frame at most, however often it is asked for. */
export function onceAFrame(run) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    // A hidden page draws no frames, and goes on all the same.
    const begin = document.hidden ? (todo) => setTimeout(todo, 250) : requestAnimationFrame;
    begin(() => {
      asked = false;
      run();
    });
  };
}

let later = 0;

/** Tell it to those who cannot see it; the last of several that come together. */
export function tell(text) {
  clearTimeout(later);
  later = setTimeout(() => {
    at("said").textContent = text;
  }, 150);
}

/** Let the browser save text as a file. Nothing is sent. */
export function save(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = make("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
