// Judging what waits: a few at a time, in the order in which they came.

/**
 * @param store where items are
 * @param {(item) => Promise<{kind, outcome}>} judge never rejects but with `Wait`
 * @param {() => number} width how many may be judged at once now; 0 to wait
 */
export class Work extends EventTarget {
  stopped = false;
  #store;
  #judge;
  #width;
  #waiting = [];
  #running = new Map();

  constructor(store, judge, width) {
    super();
    this.#store = store;
    this.#judge = judge;
    this.#width = width;
    store.addEventListener("items", () => this.#look());
  }

  /** Begin what can begin. */
  wake() {
    while (!this.stopped && this.#running.size < this.#width() && this.#waiting.length) {
      const item = this.#waiting.shift();
      if (this.#store.items.get(item.id) === item && item.state === "waiting") this.#run(item);
    }
  }

  /** Begin nothing more, until `go`. */
  stop() {
    this.stopped = true;
    this.dispatchEvent(new Event("change"));
  }

  /** Go on. */
  go() {
    this.stopped = false;
    this.#look();
    this.dispatchEvent(new Event("change"));
  }

  #look() {
    this.#waiting = [...this.#store.items.values()].filter((item) => item.state === "waiting");
    this.wake();
  }

  async #run(item) {
    const token = {};
    this.#running.set(token, item);
    item.token = token; // an item that is to be judged anew meanwhile does not want this outcome
    this.#store.change(item, { state: "working" });
    const wanted = () => item.token === token && this.#store.items.get(item.id) === item;
    try {
      const { kind, outcome } = await this.#judge(item, wanted);
      if (item.token === token) {
        this.#store.change(item, { state: outcome.status === "ok" ? "done" : "failed", kind, outcome });
      }
    } catch (error) {
      if (!(error instanceof Wait)) throw error;
      if (item.token === token) this.#again(item);
    } finally {
      this.#running.delete(token);
      this.wake();
    }
  }

  #again(item) {
    this.#waiting.unshift(item);
    this.#store.change(item, { state: "waiting" });
  }
}

/** Thrown by who judges: not now. Whoever can change that wakes the work again. */
export class Wait extends Error {}
