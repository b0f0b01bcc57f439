// What somebody else said of a failure, folded away: the library's words and the server's are English.

import { make, put } from "./dom.js";
import { say } from "./words.js";

/** A fold that is there while there is something in it. */
export class Detail {
  #title = make("summary");
  #words = make("p", { lang: "en" });
  element = make("details", { class: "detail", hidden: true }, this.#title, this.#words);

  /** Show these words, "" for none, under a title in the language that is spoken. */
  show(words) {
    this.element.hidden = !words;
    if (!words) this.element.open = false;
    put(this.#title, say("detail"));
    put(this.#words, words);
  }
}
