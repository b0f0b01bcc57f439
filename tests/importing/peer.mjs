// TensorFlow.js and NSFW JS themselves, for the tests of import and export: what they say of pixels.
//
//   node peer.mjs PACKAGES < request.json > answer.json
//
// PACKAGES is a folder with node_modules. The request names what is to be done; see `ANSWERS`.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const root = path.resolve(process.argv[2], "node_modules");
const require = createRequire(path.join(root, "..", "package.json"));
console.info = console.warn = () => {}; // they greet on standard output, which carries the answer
console.log = () => {};
const tf = require("@tensorflow/tfjs");
await tf.setBackend("cpu");
await tf.ready();

// Arrays in and out are {shape, data}, the data in base64: uint8 for pictures, float32 for others.
function pixels({ shape, data }) {
  return tf.tensor(new Uint8Array(Buffer.from(data, "base64")), shape, "int32");
}

function floats({ shape, data }) {
  const bytes = Buffer.from(data, "base64");
  return tf.tensor(new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)), shape);
}

function told(tensor) {
  const values = tensor.dataSync();
  return { shape: tensor.shape, data: Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("base64") };
}

// A model's files, read and written without a server.
function reading(folder) {
  const model = JSON.parse(readFileSync(path.join(folder, "model.json"), "utf8"));
  const paths = model.weightsManifest.flatMap((group) => group.paths);
  const bytes = Buffer.concat(paths.map((name) => readFileSync(path.join(folder, name))));
  const weightData = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  const weightSpecs = model.weightsManifest.flatMap((group) => group.weights);
  return { load: async () => ({ ...model, weightSpecs, weightData }) };
}

function writing(folder) {
  return {
    save: async ({ modelTopology, weightSpecs, weightData }) => {
      mkdirSync(folder, { recursive: true });
      const manifest = [{ paths: ["weights.bin"], weights: weightSpecs }];
      const model = { format: "layers-model", modelTopology, weightsManifest: manifest };
      writeFileSync(path.join(folder, "model.json"), JSON.stringify(model));
      writeFileSync(path.join(folder, "weights.bin"), Buffer.from(weightData));
      return { modelArtifactsInfo: {} };
    },
  };
}

// Random numbers in every weight, so that none does nothing; variances stay over 0.
function randomised(model) {
  for (const weight of model.weights) {
    const variance = weight.originalName.includes("variance");
    const fan = weight.shape.slice(0, -1).reduce((a, b) => a * b, 1);
    const spread = weight.shape.length > 1 ? 1.2 / Math.sqrt(fan) : 0.3;
    const value = variance
      ? tf.randomUniform(weight.shape, 0.4, 1.6, "float32", seed++)
      : tf.randomNormal(weight.shape, weight.originalName.includes("gamma") ? 1 : 0, spread, "float32", seed++);
    weight.write(value);
  }
  return model;
}
let seed = 1;

const ANSWERS = {
  // {model: a name or URL, size, type, pictures} -> scores of NSFW JS itself, [picture][class]
  async classify({ model, size, type, pictures }) {
    const nsfwjs = await import(pathToFileURL(path.join(root, "nsfwjs/dist/esm/index.js")));
    const loaded = await nsfwjs.load(model, type ? { size, type } : undefined);
    const rows = [];
    for (const picture of pictures) {
      const found = await loaded.classify(pixels(picture), 5);
      const named = Object.fromEntries(found.map((one) => [one.className, one.probability]));
      rows.push(["Drawing", "Hentai", "Neutral", "Porn", "Sexy"].map((name) => named[name]));
    }
    return rows;
  },

  // {folder, form, input} -> what the model gives
  async predict({ folder, form, input }) {
    const load = form === "graph" ? tf.loadGraphModel : tf.loadLayersModel;
    const model = await load(reading(folder));
    return told(model.predict(floats(input)));
  },

  // {folder, model: {name: code}, input} -> for each, saved under its name, what it gives
  async make({ folder, models, input }) {
    const answers = {};
    for (const [name, code] of Object.entries(models)) {
      // The code is the test's own: an expression of tf.layers.
      const model = randomised(new Function("tf", `const L = tf.layers; ${code}`)(tf));
      await model.save(writing(path.join(folder, name)));
      answers[name] = told(model.predict(floats(input)));
    }
    return answers;
  },
};

const request = JSON.parse(readFileSync(0, "utf8"));
const answer = await ANSWERS[request.what](request);
process.stdout.write(JSON.stringify(answer));
