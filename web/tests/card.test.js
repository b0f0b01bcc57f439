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

const MEMBER = { name: "one", version: "1", sha256: "0".repeat(64) };

test("a card is read", () => {
  const card = parseCard(RAW);
  assert.equal(card.tag, "own@2");
  assert.deepEqual(card.labels, ["cat", "dog"]);
  assert.deepEqual(card.inputs[0].resize, [8, 8]);
  assert.equal(card.inputs[0].jpegQuality, null);
  assert.equal(card.suggestedPolicy, null);
  assert.equal(card.inputs[0].fit, "squash");
  assert.deepEqual([card.computes, card.ensemble, card.imported], [null, null, null]);
});

test("what a card may say besides", () => {
  const more = {
    computes: "int8",
    ensemble: { rule: "mean-unsafe", members: [MEMBER, { ...MEMBER, name: "other" }] },
    imported: { from: "huggingface", files: {}, labels: { LABEL_0: "sfw" } },
    inputs: [{ ...RAW.inputs[0], fit: "shortest-edge", resample: "lanczos" }],
  };
  const card = parseCard({ ...RAW, ...more });
  assert.equal(card.computes, "int8");
  assert.deepEqual(card.ensemble.members.map(({ name }) => name), ["one", "other"]);
  assert.equal(card.imported.source, "huggingface");
  assert.equal(card.inputs[0].fit, "shortest-edge");
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
  ["an unknown filter", input({ resample: "mitchell" }), /mitchell/],
  ["an unknown fit", input({ fit: "pad" }), /'fit' is "pad", not one of squash, shortest-edge/],
  ["a field that is not known", input({ pad: [1, 1] }), /"pad".*newer/],
  ["two lengths for one edge", input({ fit: "shortest-edge", resize: [8, 9] }), /'resize'/],
  ["another precision", { computes: "int4" }, /'computes' is "int4"/],
  ["an ensemble of none", { ensemble: { rule: "mean", members: [] } }, /members/],
  ["an unknown rule", { ensemble: { rule: "product", members: [MEMBER, MEMBER] } }, /'rule'/],
  ["an unknown origin", { imported: { from: "elsewhere", files: {}, labels: {} } }, /'from'/],
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
