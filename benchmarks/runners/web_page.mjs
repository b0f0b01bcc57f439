// The page of benchmarks/web.py: decodes the photos, loads a side, classifies for a while.
//
// A side is a module with `open({model, backend, threads})`, which gives {classify, notes}:
// classify(ImageData) answers [{className, probability}], most probable first.

const WARM_UP = 3;

/** `side` is the module's URL, `photos` those of the photos. */
globalThis.measure = async ({ side, model, backend, threads, photos, seconds }) => {
  const pictures = await Promise.all(photos.map(decoded));
  const begun = performance.now();
  const { open } = await import(side);
  const { classify, notes } = await open({ model, backend, threads });
  await classify(pictures[0]);
  const loadSeconds = (performance.now() - begun) / 1000;
  for (let n = 0; n < WARM_UP; n += 1) await classify(pictures[n % pictures.length]);
  const answers = [];
  for (const picture of pictures) answers.push(byName(await classify(picture)));
  const { count, elapsed } = await timed(classify, pictures, seconds);
  return { pictures: count, seconds: elapsed, load_seconds: loadSeconds, answers, notes };
};

async function timed(classify, pictures, seconds) {
  const begun = performance.now();
  let count = 0;
  while (performance.now() - begun < 1000 * seconds) {
    await classify(pictures[count % pictures.length]);
    count += 1;
  }
  return { count, elapsed: (performance.now() - begun) / 1000 };
}

async function decoded(url) {
  const bitmap = await createImageBitmap(await (await fetch(url)).blob());
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}

function byName(predictions) {
  return Object.fromEntries(
    predictions.map(({ className, probability }) => [className, probability]),
  );
}

globalThis.ready = true;
