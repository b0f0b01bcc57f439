// A verdict as a word and a shape, so that no colour has to be told from another.

import { make, put, shape } from "./dom.js";
import { say } from "./words.js";

const SHAPES = {
  allow: "M3.500 8.500 6.500 11.500 12.500 4.500",
  review: "M8 3v6M8 12v.600",
  block: "M4 4l8 8M12 4l-8 8",
  none: "M4 8h8",
  waiting: "M8 4v4l3 2",
};

/** A badge that is made once, and changed. */
export class Badge {
  #path = shape("path", {});
  #word = make("span");
  element = make(
    "span",
    { class: "badge" },
    shape("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, this.#path),
    this.#word,
  );

  /** @param {"allow" | "review" | "block" | "none" | "waiting"} kind; another word may be said for it */
  show(kind, word = say(`decision_${kind}`)) {
    this.element.dataset.kind = kind;
    this.#path.setAttribute("d", SHAPES[kind]);
    put(this.#word, word);
  }
}
