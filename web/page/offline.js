// Working without a network: the service worker, what it is asked to keep, and newer versions.

import { at, put, tell } from "./dom.js";
import { within } from "./site.js";
import { say } from "./words.js";

let ready = false;
let leaving = false; // whether this tab has asked for the newer version

/** Whether this page was given by the service worker, from what it keeps. */
const controlled = () => Boolean(navigator.serviceWorker?.controller);

/**
 * Register the worker of this build, and say when a newer one is ready.
 *
 * @param site of site.js
 * @param {() => void} replaced called when another tab has gone on to a newer version, so that what this
 *     one still fetches is of that: its own files are there no more
 */
export async function openOffline(site, replaced) {
  addEventListener("online", speakOffline);
  addEventListener("offline", speakOffline);
  speakOffline();
  if (!("serviceWorker" in navigator)) return;
  watchOver(replaced);
  // A worker that ran when the page came is of an older build if another one takes its place.
  const old = controlled();
  at("update-use").addEventListener("click", () => useUpdate());
  try {
    const registration = await navigator.serviceWorker.register(`sw.js?build=${encodeURIComponent(site.build)}`);
    const look = () => {
      if (!old || !registration.waiting || !at("update").hidden) return;
      tell(say("update"));
      at("update").hidden = false;
    };
    const watch = () => {
      registration.installing?.addEventListener("statechange", look);
      look();
    };
    registration.addEventListener("updatefound", watch);
    watch();
  } catch (error) {
    console.warn(`figleaf: no offline use: ${error.message}`); // where a browser keeps nothing for anybody
  }
}

/** All tabs of a site get a new worker at once, though one alone has asked for it. */
function watchOver(replaced) {
  let had = controlled(); // the first worker of all takes nobody's place
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (leaving) location.reload();
    else if (had) replaced();
    had = true;
  });
}

async function useUpdate() {
  leaving = true;
  const registration = await navigator.serviceWorker.getRegistration();
  // Nothing waits where another tab was the first to ask.
  if (registration?.waiting) registration.waiting.postMessage({ use: true });
  else location.reload();
}

/** Say in a tab that another one has gone on to the newer version. */
export function sayReplaced() {
  at("update-words").dataset.t = "update_taken";
  put(at("update-words"), say("update_taken"));
  tell(say("update_taken"));
  at("update").hidden = false;
}

/**
 * Keep what a model needs.
 *
 * @param site of site.js
 * @param entry the model's
 * @param {"wasm" | "webgpu"} backend that runs it
 */
export async function keepModel(site, entry, backend) {
  if (!("serviceWorker" in navigator)) return;
  const { active } = await navigator.serviceWorker.ready;
  const runtime = site.files.filter((file) => file.startsWith("ort/") && file.includes("asyncify") === (backend === "webgpu") && !file.endsWith("LICENSE"));
  const urls = [...runtime, `${entry.url}card.json`, `${entry.url}model.onnx`].map(within);
  const { kept, why } = await asked(active, { keep: urls });
  if (!kept) console.warn(`figleaf: no offline use: ${why}`);
  ready = kept;
  speakOffline();
}

/** Let go of the page that the browser keeps, for the one that the server has now; nothing where this is it. */
export async function leaveOffline() {
  const registration = await navigator.serviceWorker?.getRegistration();
  if (!controlled() || !registration) return;
  await registration.unregister();
  location.reload();
}

/** The models that can be used from what the browser keeps, by name. */
export async function keptModels(site) {
  const kept = new Set();
  if (typeof caches === "undefined" || !(await isRuntimeKept(site))) return kept;
  for (const entry of site.models) if (await isKept(entry)) kept.add(entry.name);
  return kept;
}

async function isRuntimeKept(site) {
  const engines = site.files.filter((file) => file.startsWith("ort/") && file.endsWith(".wasm"));
  const found = await Promise.all(engines.map((file) => caches.match(within(file))));
  return found.some(Boolean);
}

/** Whether there are both, its card and the graph of which that gives the hash. */
async function isKept({ url }) {
  const card = await caches.match(within(`${url}card.json`));
  const { sha256 } = (await card?.json().catch(() => null)) ?? {};
  return Boolean(sha256 && (await caches.match(`${within(url)}model.onnx?sha256=${sha256["model.onnx"]}`)));
}

function asked(worker, message) {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => resolve(data);
    worker.postMessage(message, [port2]);
  });
}

/** Say how it stands, in the language that is spoken. */
export function speakOffline() {
  const key = navigator.onLine === false ? "offline_now" : ready ? "offline_ready" : null;
  put(at("offline"), key ? say(key) : "");
}
