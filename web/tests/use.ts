// Compiled, never run: a program that uses all of the library's types as a page would.

import { FigleafError, load, type Model, type Source } from "figleaf-web";
import { animationFrames, choose, isAnimation } from "figleaf-web/frames";
import { decide, unsafeScore, type Policy } from "figleaf-web/policy";
import "figleaf-web/worker";

const policy: Policy = { name: "own", rules: [{ name: "unsafe", classes: ["porn"], block: 0.5 }] };

export async function main(image: HTMLImageElement, file: File): Promise<string> {
  const model: Model = await load("/models/inception_v3/", {
    backend: "wasm",
    threads: 2,
    ort: new URL("/ort/", location.href),
    onProgress: (loaded, total) => console.log(loaded, total ?? 0),
  });
  const sources: Source[] = [image, file, new ImageData(2, 2), document.createElement("video")];
  for (const source of sources) await model.classify(source, 5);
  const [first] = await model.classify(image);
  const { decision, reason } = decide(policy, await model.scores(file));
  const unsafe: number | null = unsafeScore(policy, { porn: 1 });
  const timeline = await model.classifyGif(file, {
    every: 0.5,
    onFrame: ({ index, image }) => console.log(index, image.timestamp),
  });
  if (await isAnimation(file)) {
    for await (const { seconds, image } of animationFrames(file)) console.log(seconds, image);
  }
  const { computes, ensemble, inputs } = model.card;
  console.log(model.precision, computes, ensemble?.members.length, inputs[0]?.fit);
  const features: Float32Array = await model.features(image);
  await model.dispose();
  const numbers: number[] = choose([0, 1], 2, { most: 2 });
  // @ts-expect-error there is no such backend
  await load("/", { backend: "cpu" }).catch((error: FigleafError) => error.code === "RUNTIME");
  const told = [first?.className, decision, reason, unsafe, timeline.length, features.length];
  return [...told, ...numbers].join(" ");
}
