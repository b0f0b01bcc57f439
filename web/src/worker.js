// The worker: an engine behind messages. It is started by remote.js, which has the other end.
//
//   in   {open: {url, ort, backend, threads}}             once, first
//        {id, picture, output}
//   out  {loaded, total}                                  while the graph is fetched
//        {opened: {card, backend, threads}} or {failed: error}
//        {id, row} or {id, failed: error}

import { openEngine } from "./engine.js";
import { packed } from "./errors.js";

let engine;

self.addEventListener("message", async ({ data }) => {
  if (data.open) await open(data.open);
  else await answer(data);
});

async function open(how) {
  const onProgress = (loaded, total) => self.postMessage({ loaded, total });
  try {
    engine = await openEngine(how, { onProgress });
    const { card, backend, threads } = engine;
    self.postMessage({ opened: { card, backend, threads } });
  } catch (error) {
    self.postMessage({ failed: packed(error) });
  }
}

async function answer({ id, picture, output }) {
  try {
    const row = await engine.run(picture, output);
    self.postMessage({ id, row }, [row.buffer]);
  } catch (error) {
    self.postMessage({ id, failed: packed(error) });
  }
}
