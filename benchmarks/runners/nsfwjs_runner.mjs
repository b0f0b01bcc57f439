// nsfwjs in Node on TensorFlow.js's WASM backend, file to verdict: sharp (or jpeg-js, which is pure
// JavaScript) decodes, nsfwjs classifies.
//
//   node nsfwjs_runner.mjs LIST --packages DIR --model NAME --seconds S [--decoder jpeg-js]
//
// Loads, warms up, prints `ready`, waits for a line on standard input, works through the list and
// prints one JSON line: the same steps as passes.py, in JavaScript. The next picture is decoded (by
// sharp on a thread of its own) while the present one is classified, which flatters nsfwjs a
// little: its users' loops mostly do one after the other.

import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const WARM_UP = 3;
const MODELS = {
  mobilenet_v2: "MobileNetV2",
  mobilenet_v2_mid: "MobileNetV2Mid",
  inception_v3: "InceptionV3",
};

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    packages: { type: "string" },
    model: { type: "string" },
    seconds: { type: "string", default: "0" },
    decoder: { type: "string", default: "sharp" }, // or jpeg-js
  },
});
const paths = JSON.parse(readFileSync(positionals[0], "utf8"));
console.info = () => {}; // nsfwjs greets on standard output, which carries the answer here

// The packages lie in the environment that the benchmark made, not beside this file.
const root = path.resolve(options.packages, "node_modules");
const require = createRequire(path.join(root, "..", "package.json"));
const tf = require("@tensorflow/tfjs");
const wasm = require("@tensorflow/tfjs-backend-wasm");
// Its ES module build: the CommonJS one takes 50 s to load inception_v3 (its __importStar copies a
// weight string of millions of characters key by key), the same work otherwise.
const nsfwjs = await import(pathToFileURL(path.join(root, "nsfwjs/dist/esm/index.js")));
const sharp = require("sharp");
const jpeg = require("jpeg-js");

tf.enableProdMode();
await tf.setBackend("wasm");
await tf.ready();
const model = await nsfwjs.load(MODELS[options.model]);
const loadSeconds = performance.now() / 1000; // since the process began

const DECODERS = {
  async sharp(file) {
    const picture = sharp(file).removeAlpha().toColourspace("srgb").raw();
    const { data, info } = await picture.toBuffer({ resolveWithObject: true });
    return tf.tensor3d(data, [info.height, info.width, info.channels], "int32");
  },
  async "jpeg-js"(file) {
    const options = { useTArray: true, formatAsRGBA: false };
    const { data, width, height } = jpeg.decode(await readFile(file), options);
    return tf.tensor3d(data, [height, width, 3], "int32");
  },
};
const decode = DECODERS[options.decoder];

function* wholePasses(seconds) {
  const begun = performance.now();
  do yield* paths;
  while ((performance.now() - begun) / 1000 < seconds);
}

async function classifyAll(files) {
  let done = 0;
  let upcoming = files.next();
  let decoding = upcoming.done ? null : decode(upcoming.value);
  while (decoding !== null) {
    const pixels = await decoding;
    upcoming = files.next();
    decoding = upcoming.done ? null : decode(upcoming.value);
    await model.classify(pixels);
    pixels.dispose();
    done += 1;
  }
  return done;
}

async function startSignal() {
  console.log("ready");
  const lines = createInterface({ input: process.stdin });
  await new Promise((resolve) => lines.once("line", resolve));
  lines.close();
}

function installedVersion(name) {
  const file = path.join(root, name, "package.json");
  return JSON.parse(readFileSync(file, "utf8")).version;
}

function peakRss() {
  try {
    const line = readFileSync("/proc/self/status", "utf8").match(/VmHWM:\s+(\d+)/);
    return Number(line[1]) * 1024;
  } catch {
    return process.resourceUsage().maxRSS * 1024;
  }
}

await classifyAll(Array.from({ length: WARM_UP }, (_, i) => paths[i % paths.length]).values());
await startSignal();
const begun = performance.now();
const pictures = await classifyAll(wholePasses(Number(options.seconds)));
const seconds = (performance.now() - begun) / 1000;

const packages = ["nsfwjs", "@tensorflow/tfjs", "@tensorflow/tfjs-backend-wasm", options.decoder];
const versions = Object.fromEntries(packages.map((name) => [name, installedVersion(name)]));
console.log(
  JSON.stringify({
    pictures,
    seconds,
    load_seconds: loadSeconds,
    peak_rss_bytes: peakRss(),
    versions: { node: process.versions.node, ...versions },
    notes: {
      backend: tf.getBackend(),
      simd: String(await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT")),
      threads: wasm.getThreadsCount(),
      threads_supported: String(await tf.env().getAsync("WASM_HAS_MULTITHREAD_SUPPORT")),
    },
  }),
);
