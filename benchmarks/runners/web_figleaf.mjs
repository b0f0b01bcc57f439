// figleaf-web as a side of benchmarks/web.py; "wasm-page" is WebAssembly in the page's own thread.

import { load } from "/figleaf/index.js";

export async function open({ model, backend, threads }) {
  const worker = backend !== "wasm-page";
  const loaded = await load(`/models/${model}/`, { backend: "wasm", threads, worker });
  const notes = { backend: loaded.backend, threads: loaded.threads, worker };
  return { classify: (picture) => loaded.classify(picture, 5), notes };
}
