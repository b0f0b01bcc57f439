// The picture of a result: destroyed until a person asks for it, and destroyed again when they leave.
//
// What stands there unasked is the picture at 10 pixels, smoothed: there is nothing more to see in it,
// whatever becomes of the blur. The picture itself is loaded by a press, and let go by the next.

import { make } from "./dom.js";
import { say } from "./words.js";

const SMALL = 10; // pixels of the longer side
const shown = new Set();

/** Blur all that is shown. */
export function hideAll() {
  for (const one of [...shown]) one.hide();
}

/** A button that shows an item's picture, and hides it. */
export class Picture {
  #canvas = make("canvas", { width: 1, height: 1 });
  #word = make("span", { class: "eye" });
  #item;
  #url = null;
  #seen = null;
  #drawn = false;
  #moment = null;
  element = make("button", { type: "button", class: "picture", "aria-pressed": "false" }, this.#canvas, this.#word);

  constructor(item) {
    this.#item = item;
    this.element.addEventListener("click", () => (this.#seen ? this.hide() : this.show()));
  }

  /** Say it in the language that is spoken. */
  speak() {
    const key = this.#seen ? "hide" : "show";
    this.element.setAttribute("aria-label", say(key, { name: this.#item.name }));
    this.#word.textContent = this.#seen ? "" : say("show_word");
  }

  /** Say whether there is anything to show at all. */
  setAbsent(absent) {
    this.element.disabled = absent;
    this.element.classList.toggle("unknown", absent);
    this.#word.hidden = absent;
  }

  /** Draw the small one, once it is in sight. */
  async sketch() {
    if (this.#drawn) return;
    this.#drawn = true;
    const small = this.#item.sketch ?? (await smallOf(this.#item.file));
    if (!small) return void this.element.classList.add("unknown");
    Object.assign(this.#canvas, { width: SMALL, height: SMALL });
    const context = this.#canvas.getContext("2d");
    const scale = Math.min(SMALL / small.width, SMALL / small.height);
    const [width, height] = [small.width * scale, small.height * scale];
    context.drawImage(small, (SMALL - width) / 2, (SMALL - height) / 2, width, height);
    if (small !== this.#item.sketch) small.close();
  }

  /** Let the small one be drawn anew: there is a frame of it now. */
  redraw() {
    this.#drawn = false;
    this.element.classList.remove("unknown");
  }

  /** Show the picture. */
  show() {
    if (this.#seen) return;
    this.#url = URL.createObjectURL(this.#item.file);
    const film = this.#item.kind === "video";
    const one = film ? make("video", { playsinline: true }) : make("img", { alt: "" });
    if (film) one.muted = true;
    one.className = "seen";
    one.addEventListener("error", () => this.#fail());
    one.src = this.#url;
    this.#seen = one;
    this.#go();
    this.element.append(one);
    this.element.setAttribute("aria-pressed", "true");
    shown.add(this);
    this.speak();
  }

  /** Blur it, and let go of what was loaded. */
  hide() {
    if (!this.#seen) return;
    this.#seen.remove();
    this.#seen.removeAttribute("src");
    URL.revokeObjectURL(this.#url);
    this.#seen = this.#url = null;
    this.element.querySelector(".unseeable")?.remove();
    this.element.setAttribute("aria-pressed", "false");
    shown.delete(this);
    this.speak();
  }

  /** Show a film at this time, while it is shown. */
  at(seconds) {
    this.#moment = seconds;
    this.#go();
  }

  #go() {
    if (this.#seen instanceof HTMLVideoElement && this.#moment !== null) this.#seen.currentTime = this.#moment;
  }

  #fail() {
    if (!this.#seen || this.element.querySelector(".unseeable")) return;
    this.element.append(make("span", { class: "unseeable", text: say("not_shown") }));
  }
}

async function smallOf(file) {
  try {
    return await createImageBitmap(file, { resizeWidth: SMALL, resizeQuality: "medium" });
  } catch {
    return null; // a film, of which a frame is kept when it is judged; or nothing that can be shown
  }
}

/** A frame of a film, small. */
export function sketchOf(source) {
  return createImageBitmap(source, { resizeWidth: SMALL, resizeQuality: "medium" }).catch(() => null);
}
