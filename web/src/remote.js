// An engine in a worker, seen from the page: the same three verbs as engine.js.

import { FigleafError, unpacked } from "./errors.js";

/**
 * Start a worker and open a bundle in it.
 *
 * @returns {Promise<RemoteEngine>} with the card, backend and threads of the worker's engine
 */
export async function openRemoteEngine(how, { signal, onProgress } = {}) {
  signal?.throwIfAborted();
  const worker = started();
  try {
    return new RemoteEngine(worker, await opened(worker, how, signal, onProgress));
  } catch (error) {
    worker.terminate();
    throw error;
  }
}

function started() {
  try {
    // As bundlers know it: the URL and the type are written here, in one expression.
    return new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "figleaf" });
  } catch (error) {
    const why = `no worker can be started here (${error.message})`;
    throw new FigleafError("UNSUPPORTED", `${why}: serve the library yourself, or use worker: false`);
  }
}

function opened(worker, how, signal, onProgress) {
  return new Promise((resolve, reject) => {
    const done = new AbortController();
    const until = { signal: done.signal };
    const settle = (act, value) => {
      done.abort();
      act(value);
    };
    signal?.addEventListener("abort", () => settle(reject, signal.reason), until);
    worker.addEventListener("error", (event) => settle(reject, broken(event)), until);
    worker.addEventListener(
      "message",
      ({ data }) => {
        if (data.opened) settle(resolve, data.opened);
        else if (data.failed) settle(reject, unpacked(data.failed));
        else onProgress?.(data.loaded, data.total);
      },
      until,
    );
    worker.postMessage({ open: how });
  });
}

function broken(event) {
  const why = event.message ?? "its script cannot be loaded";
  return new FigleafError("RUNTIME", `the worker has stopped: ${why}`);
}

/** A model in a worker of its own, which ends with `dispose`, and its memory with it. */
class RemoteEngine {
  #worker;
  #waiting = new Map();
  #count = 0;
  #ended = null;

  constructor(worker, { card, backend, threads }) {
    this.card = card;
    this.backend = backend;
    this.threads = threads;
    this.#worker = worker;
    worker.addEventListener("message", ({ data }) => this.#settle(data));
    worker.addEventListener("error", (event) => this.#end(broken(event)));
  }

  /** One output for what `taken` has taken; what is in `transfer` goes to the worker. */
  run(picture, output, transfer) {
    if (this.#ended) return Promise.reject(this.#ended); // nobody would answer
    return new Promise((resolve, reject) => {
      const id = (this.#count += 1);
      this.#waiting.set(id, { resolve, reject });
      try {
        this.#worker.postMessage({ id, picture, output }, transfer);
      } catch (error) {
        this.#waiting.delete(id);
        reject(notSent(error));
      }
    });
  }

  async dispose() {
    this.#end(new FigleafError("DISPOSED", "the model has been disposed of"));
  }

  #settle({ id, row, failed }) {
    const { resolve, reject } = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (failed) reject(unpacked(failed));
    else resolve(row);
  }

  #end(error) {
    this.#ended ??= error;
    this.#worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

function notSent(error) {
  // A bitmap of another site's picture does not cross to a worker.
  const cure = "an element needs crossorigin='anonymous', and the other site must allow it";
  return new FigleafError("UNREADABLE", `the picture may not be read (${error.message}); ${cure}`);
}
