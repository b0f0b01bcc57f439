// A bundle's files over HTTP: counted while they come, and checked before they are used.

import { parseCard } from "./card.js";
import { FigleafError } from "./errors.js";
import { sha256 } from "./sha256.js";

const MAX_CARD_BYTES = 2 ** 20;
const MAX_GRAPH_BYTES = 2 ** 31 - 1; // protobuf's own limit

/**
 * Fetch and verify a bundle.
 *
 * @param {string} folder absolute URL, with or without a slash at the end
 * @param {{signal?: AbortSignal, onProgress?: (loaded: number, total: number | null) => void}} how
 * @returns {Promise<{card: object, graph: Uint8Array}>} graph: the bytes of model.onnx, which are
 *     those whose SHA-256 the card gives
 * @throws FigleafError NOT_FOUND, BAD_BUNDLE, TOO_LARGE; the signal's reason where it aborts
 */
export async function fetchBundle(folder, { signal, onProgress } = {}) {
  const [cardUrl, url] = ["card.json", "model.onnx"].map((name) => within(folder, name));
  // The browser may hold back an older one of the two, so that a second time all comes from the network.
  for (const cache of ["default", "reload"]) {
    const card = parseCard(parsed(await fetchBytes(cardUrl, MAX_CARD_BYTES, { signal, cache })));
    const graph = await fetchBytes(url, MAX_GRAPH_BYTES, { signal, onProgress, cache });
    if ((await sha256(graph)) === card.sha256["model.onnx"]) return { card, graph };
  }
  const why = "its SHA-256 is not the one that card.json gives; it is damaged, or of another version";
  throw new FigleafError("BAD_BUNDLE", `${url}: ${why}`);
}

/** The URL of a bundle's file; a query of the folder (as in "?v=3") is the file's too. */
function within(folder, name) {
  const url = new URL(folder);
  url.pathname = url.pathname.replace(/\/?$/, "/") + name;
  return url.href;
}

function parsed(bytes) {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new FigleafError("BAD_BUNDLE", `card.json: not JSON (${error.message})`);
  }
}

async function fetchBytes(url, limit, { signal, onProgress, cache }) {
  const response = await answered(url, { signal, cache });
  const length = Number(response.headers.get("content-length")) || null;
  const total = response.headers.get("content-encoding") ? null : length; // of what is unpacked
  if (total > limit) throw tooLarge(url, limit);
  const parts = [];
  let loaded = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch((error) => {
      throw signal?.aborted ? error : unreachable(url, error);
    });
    if (done) break;
    parts.push(value);
    loaded += value.length;
    if (loaded > limit) {
      await reader.cancel();
      throw tooLarge(url, limit);
    }
    onProgress?.(loaded, total);
  }
  return joined(parts, loaded);
}

async function answered(url, how) {
  let response;
  try {
    response = await fetch(url, how);
  } catch (error) {
    if (how.signal?.aborted) throw error;
    throw unreachable(url, error);
  }
  if (!response.ok) {
    const whole = "a bundle is the whole folder: card.json, and what it names";
    throw new FigleafError("NOT_FOUND", `${url}: HTTP ${response.status}; ${whole}`);
  }
  return response;
}

function unreachable(url, error) {
  return new FigleafError("NOT_FOUND", `${url}: cannot be fetched (${error.message})`);
}

function tooLarge(url, limit) {
  return new FigleafError("TOO_LARGE", `${url}: over ${limit} bytes, which no bundle needs`);
}

function joined(parts, length) {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
