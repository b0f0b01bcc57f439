import assert from "node:assert/strict";
import { test } from "node:test";

import { otherPicture } from "../src/apng.js";

/** A PNG of these chunks, in which nothing but their kinds matters. */
function png(...kinds) {
  const chunk = (kind) => Buffer.concat([Buffer.from([0, 0, 0, 1]), Buffer.from(kind), Buffer.from("x\0\0\0\0")]);
  return new Uint8Array(Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), ...kinds.map(chunk)]));
}

test("the other picture is the file without its frames", async () => {
  const found = otherPicture(png("IHDR", "acTL", "IDAT", "IDAT", "fcTL", "fdAT", "IEND"));
  assert.equal(found.type, "image/png");
  const bytes = new Uint8Array(await found.arrayBuffer());
  assert.deepEqual(bytes, png("IHDR", "IDAT", "IDAT", "IEND"));
});

for (const [what, bytes] of [
  ["the first frame", png("IHDR", "acTL", "fcTL", "IDAT", "fcTL", "fdAT", "IEND")],
  ["a still picture", png("IHDR", "IDAT", "IEND")],
  ["a still picture with stray frames", png("IHDR", "IDAT", "acTL", "fcTL", "fdAT", "IEND")],
  ["all that there is", png("IHDR", "acTL", "IDAT", "IEND")],
  ["in another file", new TextEncoder().encode("GIF89a")],
  ["in a file of nothing", new Uint8Array()],
  ["past the end", png("IHDR", "acTL", "IDAT").subarray(0, 40)],
]) {
  test(`there is no other picture: ${what}`, () => assert.equal(otherPicture(bytes), null));
}
