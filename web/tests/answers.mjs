// Answers questions on standard input, a JSON object a line, so that Python can compare itself with
// figleaf-web: {"of": "decide", ...} -> what decide.js says, and so on.

import { createInterface } from "node:readline";

import { fixed, general } from "../src/figures.js";
import { choose } from "../src/frames.js";
import { nsfwjsName } from "../src/labels.js";
import { decide } from "../src/policy.js";
import { prepare } from "../src/prepare.js";
import { alignCorners, antialiased, nearest } from "../src/resample.js";
import { parseCard } from "../src/card.js";

const ANSWERS = {
  decide: ({ policy, scores }) => decide(policy, scores),
  choose: ({ begins, length, every, most }) => choose(begins, length, { every, most }),
  fixed: ({ value, digits }) => fixed(value, digits),
  general: ({ value }) => general(value),
  name: ({ label }) => nsfwjsName(label),
  align: ({ picture, size }) => base64(alignCorners(unpacked(picture), size)),
  resize: ({ picture, size, filter }) =>
    base64(
      filter === "nearest"
        ? nearest(unpacked(picture), size)
        : antialiased(unpacked(picture), size, filter),
    ),
  prepare: async ({ picture, spec }) => base64(await prepare(unpacked(picture), spec)),
  card: ({ raw }) => {
    try {
      return parseCard(raw);
    } catch (error) {
      return { refused: error.message };
    }
  },
};

function unpacked(picture) {
  return { ...picture, data: new Uint8ClampedArray(Buffer.from(picture.data, "base64")) };
}

function base64(array) {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString("base64");
}

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  console.log(JSON.stringify(await ANSWERS[question.of](question)));
}
