import assert from "node:assert/strict";
import { test } from "node:test";

import { FigleafError, load } from "../src/index.js";
import { packed, unpacked } from "../src/errors.js";
import { taken } from "../src/pixels.js";

test("arguments are checked before anything is fetched", async () => {
  for (const options of [{ backend: "cpu" }, { threads: 0 }, { threads: 1.5 }]) {
    await assert.rejects(load("http://127.0.0.1:1/", options), { code: "BAD_ARGUMENT" });
  }
});

test("errors cross from the worker", () => {
  const error = unpacked(structuredClone(packed(new FigleafError("TOO_LARGE", "too large"))));
  assert.ok(error instanceof FigleafError);
  assert.equal(error.code, "TOO_LARGE");
  assert.equal(unpacked(packed(new RangeError("no memory"))).code, "RUNTIME");
  assert.equal(unpacked(packed(new DOMException("", "AbortError"))).name, "AbortError");
});

test("pixels are the caller's to change after the call", async () => {
  const data = new Uint8Array(2 * 2 * 3).fill(7);
  const { picture } = await taken({ data, width: 2, height: 2 });
  data.fill(9);
  assert.equal(picture.channels, 3);
  assert.equal(picture.data[0], 7);
});

for (const [name, source, code] of [
  ["nothing", null, "BAD_ARGUMENT"],
  ["a URL", "https://example.org/a.png", "BAD_ARGUMENT"],
  ["grey", { data: new Uint8Array(4), width: 2, height: 2 }, "BAD_ARGUMENT"],
  ["floats", { data: new Float32Array(12), width: 2, height: 2 }, "BAD_ARGUMENT"],
  ["no pixels", { data: new Uint8Array(0), width: 0, height: 2 }, "UNREADABLE"],
  ["too many", { data: new Uint8Array(3), width: 2 ** 20, height: 2 ** 20 }, "TOO_LARGE"],
]) {
  test(`no picture: ${name}`, async () => {
    await assert.rejects(taken(source), { name: "FigleafError", code });
  });
}
