import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";

import { sha256, sha256Slowly } from "../src/sha256.js";

for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 120, 1_000_003]) {
  test(`the hash of ${length} bytes`, async () => {
    const bytes = new Uint8Array(randomBytes(length));
    const expected = createHash("sha256").update(bytes).digest("hex");
    assert.equal(sha256Slowly(bytes), expected);
    assert.equal(await sha256(bytes), expected);
  });
}
