// figleaf-web: NSFW image classification in the browser.
//
//   import { load } from "figleaf-web";
//   const model = await load("/models/inception_v3/");
//   await model.classify(document.querySelector("img"), 5);

import { openEngine } from "./engine.js";
import { FigleafError } from "./errors.js";
import { Model } from "./model.js";
import { openRemoteEngine } from "./remote.js";

export { FigleafError } from "./errors.js";

const BACKENDS = ["auto", "wasm", "webgpu"];

/**
 * Load a model: fetch its bundle, check it, compile it.
 *
 * @param {string | URL} url a bundle's folder, which holds card.json and model.onnx; relative to
 *     the page
 * @param options
 *     backend: "wasm", "webgpu", or "auto": WebGPU where there is a real GPU
 *     threads: of WebAssembly; without cross-origin isolation one, else by default half as many as
 *         there are cores, 2 to 8
 *     ort: URL of the folder with onnxruntime-web's files; by default `../ort/`, from this module
 *     worker: false to work in the page's own thread, which then stands still meanwhile
 *     signal: an AbortSignal, which ends the loading
 *     onProgress(loadedBytes, totalBytes): while the graph is fetched; null if nobody says the total
 * @returns {Promise<Model>}
 * @throws FigleafError NOT_FOUND, BAD_BUNDLE, TOO_LARGE, RUNTIME, UNSUPPORTED, BAD_ARGUMENT
 */
export async function load(url, options = {}) {
  const { backend = "auto", threads, ort, worker = true, signal, onProgress } = options;
  if (!BACKENDS.includes(backend)) {
    throw new FigleafError("BAD_ARGUMENT", `backend is one of ${BACKENDS.join(", ")}`);
  }
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1)) {
    throw new FigleafError("BAD_ARGUMENT", "threads is a whole number from 1");
  }
  const how = { url: absolute(url), ort: folder(ort), backend, threads };
  const open = worker ? openRemoteEngine : openEngine;
  return new Model(await open(how, { signal, onProgress }));
}

function folder(ort) {
  const url = ort === undefined ? new URL(/* @vite-ignore */ "../ort/", import.meta.url).href : absolute(ort);
  return url.replace(/\/?$/, "/");
}

function absolute(url) {
  return new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href).href;
}
