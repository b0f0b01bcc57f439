import assert from "node:assert/strict";
import { test } from "node:test";

import { decide, unsafeScore } from "../src/policy.js";

const POLICY = {
  name: "own",
  rules: [
    { name: "unsafe", classes: ["porn", "drawing"], review: 0.25, block: null },
    { name: "sexy", classes: ["sexy"], review: null, block: 0.5 },
  ],
};

test("the most severe rule decides, the first of equals", () => {
  assert.deepEqual(decide(POLICY, { porn: 0.25, sexy: 0.5 }), {
    decision: "block",
    reason: "sexy 0.500 >= 0.5",
    unsafe: 0.25,
  });
  assert.equal(decide(POLICY, { porn: 0.1, sexy: 0.1 }).reason, "unsafe 0.100 < 0.25");
});

test("a class's other names count", () => {
  assert.equal(unsafeScore(POLICY, { drawings: 0.25, porn: 0.5, cat: 0.25 }), 0.75);
});

test("a policy does not allow what it does not know", () => {
  const { decision, reason, unsafe } = decide(POLICY, { cat: 1 });
  assert.equal(decision, null);
  assert.equal(reason, "policy own has no rule for any class of this model");
  assert.equal(unsafe, null);
});

test("no number is not below a threshold", () => {
  assert.equal(decide(POLICY, { porn: NaN, sexy: 0 }).decision, "review");
});
