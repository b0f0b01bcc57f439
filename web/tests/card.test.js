import assert from "node:assert/strict";
import { test } from "node:test";

import { parseCard } from "../src/card.js";

const RAW = {
  format: 1,
  name: "own",
  version: "2",
  description: "a model",
  labels: ["cat", "dog"],
  features: 0,
  inputs: [
    { name: "image", size: [4, 6], resample: "bicubic", resize: [8, 8], background: [1, 2, 3] },
  ],
  sha256: { "model.onnx": "0".repeat(64) },
  license: "MIT",
};

test("a card is read", () => {
  const card = parseCard(RAW);
  assert.equal(card.tag, "own@2");
  assert.deepEqual(card.labels, ["cat", "dog"]);
  assert.deepEqual(card.inputs[0].resize, [8, 8]);
  assert.equal(card.inputs[0].jpegQuality, null);
  assert.equal(card.suggestedPolicy, null);
});

const input = (change) => ({ inputs: [{ ...RAW.inputs[0], ...change }] });

for (const [name, change, told] of [
  ["another format", { format: 2 }, /'format' is 2/],
  ["no name", { name: undefined }, /'name' is missing/],
  ["a label twice", { labels: ["cat", "cat"] }, /twice/],
  ["neither labels nor features", { labels: [] }, /needs 'labels', 'features'/],
  ["no inputs", { inputs: [] }, /'inputs' is empty/],
  ["a size of one", input({ size: [4] }), /'size' is \[4\]/],
  ["a huge size", input({ size: [4, 4097] }), /'size'/],
  ["a resize below the size", input({ resize: [2, 8] }), /smaller/],
  ["an unknown filter", input({ resample: "nearest" }), /nearest/],
  ["a quality of none", input({ jpeg_quality: 0 }), /jpeg_quality/],
  ["a colour of two", input({ background: [1, 2] }), /background/],
  ["no hash", { sha256: {} }, /model\.onnx/],
  ["a path", { sha256: { "../model.onnx": "0".repeat(64) } }, /sha256/],
  ["a short hash", { sha256: { "model.onnx": "0" } }, /sha256/],
]) {
  test(`refused: ${name}`, () => {
    assert.throws(() => parseCard({ ...RAW, ...change }), { code: "BAD_BUNDLE", message: told });
  });
}

test("refused: what is no object", () => {
  for (const raw of [null, [], 3, "card"]) {
    assert.throws(() => parseCard(raw), { code: "BAD_BUNDLE" });
  }
});
