// A picture judged by the server that the page came from: only when a person has asked for that.

import { sorted } from "./verdict.js";
import { Wait } from "./work.js";

const TRIES = 6;
const LONGEST_WAIT = 20; // seconds between two tries
const UNSENDABLE = /[^\x20-\x7e]/; // no header has these, and no key

/** Asks a figleaf server. `key` may be set; `wanted` says whether it has asked for one. */
export class Server extends EventTarget {
  key = "";
  wanted = false;
  #url;
  #sending = new AbortController();

  constructor(url) {
    super();
    this.#url = url;
  }

  /** Use a key for what is asked from now on. */
  use(key) {
    this.key = key;
    this.wanted = false;
    this.dispatchEvent(new Event("change"));
  }

  /** Break off what is being sent; nobody wants the answers. */
  leave() {
    this.#sending.abort();
    this.#sending = new AbortController();
  }

  /**
   * @param item of the store
   * @param {string} model a name
   * @param {() => boolean} wanted whether anybody still wants it
   * @returns {Promise<{kind: null, outcome: object}>} see store.js
   * @throws Wait a key is needed, or nobody wants it any more
   */
  async judge(item, model, wanted) {
    try {
      return { kind: null, outcome: await this.#outcome(item, model, wanted) };
    } catch (error) {
      if (error instanceof Wait) throw error;
      if (!wanted()) throw new Wait();
      const gone = { NotFoundError: "not_found", NotReadableError: "unreadable" }[error.name];
      const told = gone ? { status: gone, why: "" } : { status: "server", why: null };
      return { kind: null, outcome: { ...told, model: "", precision: "", from: "server" } };
    }
  }

  async #outcome(item, model, wanted) {
    for (let tried = 1; ; tried++) {
      const { key } = this;
      const response = await this.#post(item, model, key, wanted);
      if (!wanted()) throw new Wait();
      if (response.status === 401) this.#want(key);
      const busy = response.status === 503 || response.status === 429;
      if (!busy || tried === TRIES) return outcomeOf(response);
      const seconds = Math.min(LONGEST_WAIT, Number(response.headers.get("retry-after")) || tried);
      await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
      if (!wanted()) throw new Wait();
    }
  }

  async #post(item, model, key, wanted) {
    const url = new URL(this.#url);
    url.searchParams.set("model", model);
    const form = new FormData();
    // The bytes are read first: a file that has gone is told from a server that has.
    const bytes = await item.file.arrayBuffer();
    if (UNSENDABLE.test(key)) this.#want(key);
    // Reading may have taken long: whoever has switched the server off meanwhile wants nothing sent.
    if (!wanted()) throw new Wait();
    form.append("file", new Blob([bytes], { type: item.file.type }), "picture");
    const headers = key ? { "X-API-Key": key } : {};
    const { signal } = this.#sending;
    return fetch(url, { method: "POST", body: form, headers, credentials: "omit", signal });
  }

  /** This key, or none, was refused. Where another one was given meanwhile, that is tried first. */
  #want(key) {
    if (key === this.key) {
      this.wanted = true;
      this.dispatchEvent(new Event("change"));
    }
    throw new Wait();
  }
}

async function outcomeOf(response) {
  if (!response.ok) return refused(response);
  const { results: [result] } = await response.json();
  const by = { model: result.model, precision: result.precision, from: "server" };
  if (result.status !== "ok") return { status: result.status, why: result.reason, ...by };
  if (result.label === null) return listed(result, by);
  const frames = (result.frames ?? []).map(({ seconds, scores }) => ({ seconds, scores: sorted(scores) }));
  return { status: "ok", scores: sorted(result.scores), frames, unseen: unseenOf(result), ...by };
}

/** What a list of the server has decided has no scores, and no policy of the page changes it. */
function listed({ decision, reason }, by) {
  return { status: "ok", scores: {}, frames: [], unseen: null, listed: { decision, reason }, ...by };
}

/** From when on a film could not be looked at is said in the reason alone. */
function unseenOf({ reason }) {
  const found = /; from ([0-9.]+) s on not all could be decoded/.exec(reason);
  return found ? Number(found[1]) : null;
}

async function refused(response) {
  const problem = await response.json().catch(() => ({}));
  const why = problem.detail ?? problem.title ?? `HTTP ${response.status}`;
  const kind = /^urn:figleaf:problem:(.+)$/.exec(problem.type)?.[1].replaceAll("-", "_") ?? "other";
  return { status: "server", why, problem: kind, model: "", precision: "", from: "server" };
}
