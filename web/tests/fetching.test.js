import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { fetchBundle } from "../src/fetching.js";

const GRAPH = Buffer.alloc(300_000, "graph");
const CARD = {
  format: 1,
  name: "own",
  version: "1",
  description: "",
  labels: ["cat", "dog"],
  features: 0,
  inputs: [{ name: "image", size: [4, 4], resample: "bilinear", background: [0, 0, 0] }],
  sha256: { "model.onnx": createHash("sha256").update(GRAPH).digest("hex") },
  license: "MIT",
};
const FILES = {
  "/good/card.json": JSON.stringify(CARD),
  "/good/model.onnx": GRAPH,
  "/damaged/card.json": JSON.stringify(CARD),
  "/damaged/model.onnx": Buffer.concat([GRAPH.subarray(1), Buffer.from("x")]),
  "/half/card.json": JSON.stringify(CARD),
  "/text/card.json": "<html>",
  "/huge/card.json": " ".repeat(2 ** 20 + 1),
};

const asked = [];
const server = createServer((request, response) => {
  asked.push(request.url);
  const [path] = request.url.split("?");
  if (path.startsWith("/slow/")) return; // never answered
  if (path === "/cut/card.json") {
    response.writeHead(200, { "content-length": "1000" });
    response.write("{");
    setTimeout(() => response.destroy(), 20);
    return;
  }
  const body = FILES[path];
  if (!body) {
    response.writeHead(404).end("no such file");
    return;
  }
  response.setHeader("content-length", Buffer.byteLength(body));
  response.end(body);
});
let base;

before(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  base = `http://127.0.0.1:${server.address().port}`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

test("a bundle comes whole, and says how far it is", async () => {
  const steps = [];
  const onProgress = (loaded, total) => steps.push([loaded, total]);
  const { card, graph } = await fetchBundle(`${base}/good?v=3`, { onProgress });
  assert.equal(card.tag, "own@1");
  assert.deepEqual(Buffer.from(graph), GRAPH);
  assert.deepEqual(steps.at(-1), [GRAPH.length, GRAPH.length]);
  assert.ok(asked.includes("/good/model.onnx?v=3"));
});

test("an older copy that was held back is fetched again", async () => {
  let times = 0;
  FILES["/stale/card.json"] = JSON.stringify(CARD);
  Object.defineProperty(FILES, "/stale/model.onnx", { get: () => (times++ ? GRAPH : Buffer.from("older")) });
  const { graph } = await fetchBundle(`${base}/stale`);
  assert.deepEqual(Buffer.from(graph), GRAPH);
  assert.equal(times, 2);
});

for (const [folder, code, told] of [
  ["damaged", "BAD_BUNDLE", /SHA-256/],
  ["half", "NOT_FOUND", /model\.onnx: HTTP 404/],
  ["none", "NOT_FOUND", /card\.json: HTTP 404/],
  ["text", "BAD_BUNDLE", /not JSON/],
  ["huge", "TOO_LARGE", /over 1048576 bytes/],
  ["cut", "NOT_FOUND", /cannot be fetched/],
]) {
  test(`refused: ${folder}`, async () => {
    await assert.rejects(fetchBundle(`${base}/${folder}/`), { code, message: told });
  });
}

test("refused: nobody there", async () => {
  await assert.rejects(fetchBundle("http://127.0.0.1:1/"), { code: "NOT_FOUND" });
});

test("a signal ends it", async () => {
  const signal = AbortSignal.timeout(50);
  await assert.rejects(fetchBundle(`${base}/slow/`, { signal }), { name: "TimeoutError" });
});
