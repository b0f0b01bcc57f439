// How far the work is: for those who see it, and now and then for those who do not.

import { at, onceAFrame, put, tell } from "./dom.js";
import { number, say } from "./words.js";

const SPOKEN_EVERY = 8000; // milliseconds between two words on it

/** Shows the work on a store's items, with its buttons. */
export class Progress {
  #store;
  #work;
  #results;
  #waitsFor;
  #busy = false;
  #spoken = 0;
  /** Show how it stands, soon. */
  show = onceAFrame(() => this.#showNow());

  /** @param {() => "model" | "key" | null} waitsFor what the work cannot go on without */
  constructor(store, work, results, waitsFor) {
    this.#store = store;
    this.#work = work;
    this.#results = results;
    this.#waitsFor = waitsFor;
    for (const event of ["items", "item"]) store.addEventListener(event, this.show);
    work.addEventListener("change", this.show);
    this.#button("work-stop", "work-go", () => work.stop());
    this.#button("work-go", "work-stop", () => work.go());
  }

  #button(pressed, other, act) {
    at(pressed).addEventListener("click", () => {
      act();
      this.#showNow(); // the button goes, and the focus with it
      at(other).focus();
    });
  }

  #showNow() {
    const items = [...this.#store.items.values()];
    const done = items.filter((item) => item.outcome).length;
    const busy = items.length > done;
    at("work").hidden = !busy;
    at("work-progress").value = items.length ? done / items.length : 0;
    at("work-stop").hidden = this.#work.stopped;
    at("work-go").hidden = !this.#work.stopped;
    const words = this.#words(done, items.length);
    put(at("work-state"), words);
    this.#speak(words, busy, items.length);
  }

  #words(done, all) {
    const values = { done: number(done), all: number(all), n: number(all - done) };
    if (this.#work.stopped) return say("work_stopped", values);
    const waitsFor = this.#waitsFor();
    return say(waitsFor ? `work_${waitsFor}` : "work", values);
  }

  #speak(words, busy, all) {
    if (busy && performance.now() > this.#spoken + SPOKEN_EVERY) {
      this.#spoken = performance.now();
      if (this.#busy) tell(words);
    }
    if (this.#busy && !busy && all) {
      const { block, review, allow } = this.#results.counts();
      tell(say("work_done", { all: number(all), block: number(block), review: number(review), allow: number(allow) }));
    }
    this.#busy = busy;
  }
}
