// Working without a network: the service worker, what it is asked to keep, and newer versions.

import { at, put, tell } from "./dom.js";
import { within } from "./site.js";
import { say } from "./words.js";

let ready = false;

/** Whether this page was given by the service worker, from what it keeps. */
const controlled = () => Boolean(navigator.serviceWorker?.controller);

/** Register the worker of this build, and say when a newer one is ready. */
export async function openOffline(site) {
  addEventListener("online", speakOffline);
  addEventListener("offline", speakOffline);
  speakOffline();
  if (!("serviceWorker" in navigator)) return;
  // A worker that ran when the page came is of an older build if another one takes its place.
  const old = controlled();
  at("update-use").addEventListener("click", () => useUpdate());
  try {
    const registration = await navigator.serviceWorker.register(`sw.js?build=${encodeURIComponent(site.build)}`);
    const look = () => {
      const isThere = Boolean(old && registration.waiting);
      if (isThere && at("update").hidden) tell(say("update"));
      at("update").hidden = !isThere;
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

async function useUpdate() {
  const registration = await navigator.serviceWorker.getRegistration();
  navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
  registration?.waiting?.postMessage({ use: true });
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

/** The models that the browser keeps, by name. */
export async function keptModels(site) {
  if (typeof caches === "undefined") return new Set();
  const kept = new Set();
  for (const entry of site.models) {
    // Kept with the hash of its graph in the query.
    if (await caches.match(within(`${entry.url}model.onnx`), { ignoreSearch: true })) kept.add(entry.name);
  }
  return kept;
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
