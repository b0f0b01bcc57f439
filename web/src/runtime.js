// What runs a graph: onnxruntime-web, on WebAssembly with SIMD (and threads where the page is
// cross-origin isolated) or on WebGPU.

import { FigleafError } from "./errors.js";

const MODULES = { wasm: "ort.wasm.min.mjs", webgpu: "ort.webgpu.min.mjs" };
const MOST_THREADS = 8;

const started = new Set(); // runtimes, by URL

/**
 * A compiled graph.
 *
 * @param {Uint8Array} graph the bytes of model.onnx
 * @param how
 *     ort: absolute URL of the folder that holds onnxruntime-web's files, with a slash at the end
 *     backend: "auto", "wasm" or "webgpu"
 *     threads: of WebAssembly, or undefined
 *     isQuantised: whether the graph computes in int8, which WebGPU does not do
 * @returns {Promise<{backend: "wasm" | "webgpu", threads: number, run, dispose}>}
 * @throws FigleafError NOT_FOUND where the runtime's files are not there, RUNTIME, UNSUPPORTED
 */
export async function compile(graph, { ort, backend, threads, isQuantised = false }) {
  if (backend === "webgpu" && !(await adapter())) {
    throw new FigleafError("UNSUPPORTED", "this browser has no WebGPU adapter: use 'wasm'");
  }
  const compiled = (one, count) => compiledOn(graph, { ort, backend: one, threads: count, isQuantised });
  if (backend === "webgpu") return compiled("webgpu", 1);
  if (backend === "auto" && !isQuantised && (await isWorthIt())) {
    try {
      return await compiled("webgpu", 1);
    } catch (error) {
      console.warn(`figleaf-web: WebGPU failed, going on with WebAssembly (${error.message})`);
    }
  }
  return compiled("wasm", threadsFor(threads));
}

async function adapter() {
  return (await globalThis.navigator?.gpu?.requestAdapter()) ?? null;
}

/** Whether there is a real GPU: WebGPU in software is slower than WebAssembly. */
async function isWorthIt() {
  const found = await adapter().catch(() => null);
  return found !== null && !(found.info?.isFallbackAdapter ?? found.isFallbackAdapter ?? false);
}

/** One without cross-origin isolation, in which alone threads can share memory. */
function threadsFor(wanted) {
  if (!globalThis.crossOriginIsolated) return 1;
  const cores = globalThis.navigator?.hardwareConcurrency ?? 1;
  // A thread without a core of its own holds up the others: half of them, which are often two to a
  // real core, and the page needs one too.
  return wanted ?? Math.min(MOST_THREADS, Math.max(Math.min(cores, 2), Math.ceil(cores / 2)));
}

async function compiledOn(graph, { ort: folder, backend, threads, isQuantised }) {
  const { env, InferenceSession, Tensor } = await runtime(folder, backend, threads);
  let session;
  try {
    session = await InferenceSession.create(graph, {
      executionProviders: [backend],
      graphOptimizationLevel: "all",
      // Kernels that are merely stored as whole numbers are faster as floats.
      extra: { session: { disable_quant_qdq: isQuantised ? "0" : "1" } },
    });
  } catch (error) {
    throw refused(firstLine(error), folder);
  }
  return new Compiled(session, Tensor, backend, env.wasm.numThreads);
}

/** Why there is no session: the graph, or what onnxruntime-web fetches and compiles before it sees one. */
function refused(why, folder) {
  if (!why.startsWith("no available backend")) {
    return new FigleafError("RUNTIME", `onnxruntime-web refuses the graph: ${why}`);
  }
  if (/not supported/.test(why)) {
    return new FigleafError("UNSUPPORTED", `this browser has no WebAssembly with SIMD (${why})`);
  }
  const what = `onnxruntime-web does not start with the files of ${folder}`;
  return new FigleafError("NOT_FOUND", `${what}, of which one is missing or not allowed (${why})`);
}

async function runtime(folder, backend, threads) {
  const url = new URL(MODULES[backend], folder).href;
  let module;
  try {
    // For bundlers: the files are served as they are, none is packed.
    module = await import(/* webpackIgnore: true */ /* @vite-ignore */ url);
  } catch (error) {
    const cure = "give `ort`, the URL of the folder that holds onnxruntime-web's files";
    throw new FigleafError("NOT_FOUND", `${url} cannot be loaded (${error.message}); ${cure}`);
  }
  if (!started.has(url)) {
    // Once for a thread: its memory and its threads are what the first model has asked for.
    started.add(url);
    module.env.wasm.wasmPaths = folder;
    module.env.wasm.numThreads = threads;
    module.env.logLevel = "error";
  }
  return module;
}

/** A graph that can be run, one picture at a time. */
class Compiled {
  #session;
  #Tensor;

  constructor(session, Tensor, backend, threads) {
    this.#session = session;
    this.#Tensor = Tensor;
    this.backend = backend;
    this.threads = threads;
  }

  /**
   * Run it on one picture.
   *
   * @param {Array<{name: string, size: [number, number], data: Float32Array}>} inputs
   * @param {string[]} outputs
   * @returns {Promise<Record<string, Float32Array>>}
   */
  async run(inputs, outputs) {
    const feeds = {};
    for (const { name, size, data } of inputs) {
      feeds[name] = new this.#Tensor("float32", data, [1, ...size, 3]);
    }
    let results;
    try {
      results = await this.#session.run(feeds, outputs);
    } catch (error) {
      throw new FigleafError("RUNTIME", `onnxruntime-web cannot run the graph: ${firstLine(error)}`);
    }
    const arrays = {};
    for (const name of outputs) {
      arrays[name] = Float32Array.from(await results[name].getData());
      results[name].dispose();
    }
    return arrays;
  }

  async dispose() {
    await this.#session.release();
  }
}

function firstLine(error) {
  return String(error?.message ?? error).trim().split("\n")[0];
}
