// From whatever a page has a picture in to its pixels.
//
// In two steps, since elements stay in the page and pixels are read in the worker: `taken` makes of
// a source something that can cross to the worker, at the time of the call; `pixelsOf` reads it
// there. Colour profiles are not applied, as in Python.

import { FigleafError } from "./errors.js";

const MAX_PIXELS = 2 ** 27; // as figleaf.images.limits in Python
/** Milliseconds for a video to come to a place, and for its frame to be there. */
export const PATIENCE = 15_000;
const PAUSE = 20; // milliseconds
const DRAWABLE = [
  "HTMLImageElement",
  "HTMLCanvasElement",
  "OffscreenCanvas",
  "HTMLVideoElement",
  "ImageBitmap",
];
/** How pictures are decoded: their pixels as they are in the file, upright. */
export const AS_STORED = {
  colorSpaceConversion: "none",
  premultiplyAlpha: "none",
  imageOrientation: "from-image",
};

/**
 * What crosses to the worker for a source.
 *
 * @param source HTMLImageElement, HTMLCanvasElement, OffscreenCanvas, HTMLVideoElement,
 *     ImageBitmap, VideoFrame, ImageData, Blob, File, or {data, width, height} with 3 or 4 bytes to
 *     a pixel
 * @returns {Promise<{picture: object, transfer: Transferable[]}>} the source stays the caller's
 * @throws FigleafError UNREADABLE, TOO_LARGE, BAD_ARGUMENT
 */
export async function taken(source) {
  if (is(source, "Blob")) return { picture: { blob: source }, transfer: [] };
  if (source?.data && source.width !== undefined) return takenPixels(source);
  if (is(source, "VideoFrame")) {
    const bitmap = source.clone();
    return { picture: { bitmap }, transfer: [bitmap] };
  }
  checkKind(source);
  if (is(source, "HTMLImageElement")) await loaded(source);
  // Nothing is awaited before this for what moves: what is shown at the time of the call counts.
  const bitmap = await bitmapOf(source);
  return { picture: { bitmap }, transfer: [bitmap] };
}

/**
 * The pixels of what `taken` has taken.
 *
 * @param {{blob?: Blob, bitmap?: ImageBitmap | VideoFrame, data?: Uint8ClampedArray}} picture
 * @param {[number, number, number]} background RGB under transparent pixels, 0..255
 * @returns {Promise<{data, width, height, channels}>} bytes in rows, channels 3 or 4; no alpha that
 *     matters, it has been laid over the background
 * @throws FigleafError UNREADABLE, TOO_LARGE
 */
export async function pixelsOf(picture, background) {
  if (picture.data) return laidOver(picture, background);
  const bitmap = picture.bitmap ?? (await decoded(picture.blob));
  try {
    return laidOver(drawn(bitmap), background);
  } finally {
    bitmap.close();
  }
}

function takenPixels({ data, width, height }) {
  const channels = data.length / (width * height);
  const bytes = data instanceof Uint8ClampedArray || data instanceof Uint8Array;
  if (!bytes || !Number.isInteger(width) || !Number.isInteger(height)) {
    throw new FigleafError("BAD_ARGUMENT", "pixels are {data: bytes, width, height}");
  }
  checkSize(width, height);
  if (channels !== 3 && channels !== 4) {
    const count = `${data.length} bytes for ${width}x${height} pixels`;
    throw new FigleafError("BAD_ARGUMENT", `${count}, neither 3 nor 4 for each`);
  }
  const copy = Uint8ClampedArray.from(data); // the caller may go on to paint
  return { picture: { data: copy, width, height, channels }, transfer: [copy.buffer] };
}

function checkKind(source) {
  if (!DRAWABLE.some((kind) => is(source, kind))) {
    const known = "an image, canvas or video element, an ImageBitmap, ImageData, a Blob or a File";
    throw new FigleafError("BAD_ARGUMENT", `a picture is ${known}`);
  }
  if (is(source, "HTMLVideoElement") && source.readyState < 2) {
    throw new FigleafError("UNREADABLE", "the video has no frame yet: wait for 'loadeddata'");
  }
}

async function loaded(image) {
  try {
    await image.decode();
  } catch {
    throw new FigleafError("UNREADABLE", "the image element has no picture that can be decoded");
  }
}

async function bitmapOf(source) {
  const until = performance.now() + PATIENCE;
  for (;;) {
    try {
      return await createImageBitmap(source, AS_STORED);
    } catch (error) {
      // On a busy machine Chromium says that a video has come to a place before its frame is there.
      // Of sound alone there is none to come.
      const isMoving = is(source, "HTMLVideoElement") && source.videoWidth > 0;
      const onItsWay = isMoving && error.name === "InvalidStateError";
      if (!onItsWay || performance.now() > until) {
        throw new FigleafError("UNREADABLE", `no picture can be taken of it (${error.message})`);
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}

async function decoded(blob) {
  try {
    return await createImageBitmap(blob, AS_STORED);
  } catch (error) {
    const kind = blob.type || "of no stated type";
    const why = `this browser cannot decode the file, ${blob.size} bytes, ${kind}`;
    throw new FigleafError("UNREADABLE", `${why} (${error.message})`);
  }
}

function drawn(bitmap) {
  const width = bitmap.displayWidth ?? bitmap.width; // a VideoFrame has the former
  const height = bitmap.displayHeight ?? bitmap.height;
  checkSize(width, height);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  try {
    context.drawImage(bitmap, 0, 0);
    return { data: context.getImageData(0, 0, width, height).data, width, height, channels: 4 };
  } catch (error) {
    const cure = "an element needs crossorigin='anonymous', and the other site must allow it";
    if (error.name === "SecurityError") {
      throw new FigleafError("UNREADABLE", `the picture is another site's: ${cure}`);
    }
    throw new FigleafError("UNREADABLE", `its pixels cannot be read (${error.message})`);
  }
}

function checkSize(width, height) {
  if (!(width > 0 && height > 0)) {
    throw new FigleafError("UNREADABLE", `a picture of ${width}x${height} has no pixels`);
  }
  if (width * height > MAX_PIXELS) {
    const count = `${width}x${height} pixels`;
    throw new FigleafError("TOO_LARGE", `${count}, over the limit of ${MAX_PIXELS}`);
  }
}

/** Alpha over the background, rounded as Pillow's paste rounds; in place. */
function laidOver(picture, background) {
  const { data, channels } = picture;
  if (channels === 3) return picture;
  for (let at = 3; at < data.length; at += 4) {
    const alpha = data[at];
    if (alpha === 255) continue;
    for (let k = 0; k < 3; k += 1) {
      const place = at - 3 + k;
      const sum = data[place] * alpha + background[k] * (255 - alpha) + 128;
      data[place] = (sum + (sum >> 8)) >> 8;
    }
    data[at] = 255;
  }
  return picture;
}

/** Whether it is of a class that this browser has, by name: a worker knows no elements. */
function is(source, kind) {
  const own = globalThis[kind];
  return own !== undefined && source instanceof own;
}
