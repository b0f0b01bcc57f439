// nsfwjs as a side of benchmarks/web.py, bundled by esbuild as its users bundle it.

import { Buffer } from "buffer"; // a peer dependency of nsfwjs, which wants it to be global
import * as tf from "@tensorflow/tfjs";
import * as wasm from "@tensorflow/tfjs-backend-wasm";
import { load } from "nsfwjs";

globalThis.Buffer = Buffer;
const NAMES = {
  mobilenet_v2: "MobileNetV2",
  mobilenet_v2_mid: "MobileNetV2Mid",
  inception_v3: "InceptionV3",
};

export async function open({ model, backend, threads }) {
  tf.enableProdMode();
  wasm.setWasmPaths("/wasm/");
  wasm.setThreadsCount(threads);
  if (!(await tf.setBackend(backend))) throw new Error(`no backend ${backend}`);
  await tf.ready();
  const loaded = await load(NAMES[model]);
  const notes = {
    backend: tf.getBackend(),
    threads: backend === "wasm" ? wasm.getThreadsCount() : 0,
    simd: backend === "wasm" && (await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT")),
  };
  return { classify: (picture) => loaded.classify(picture, 5), notes };
}
