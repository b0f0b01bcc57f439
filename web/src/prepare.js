// From pixels to the array that a graph takes, as its card says: figleaf.models.preprocess.

import { FigleafError } from "./errors.js";
import { alignCorners, antialiased, centreCrop } from "./resample.js";

const MAX_SIDE = 2 ** 20;

/**
 * Prepare a picture for one input of a graph, without its batch axis.
 *
 * @param {{data, width, height, channels}} pixels bytes, without transparency
 * @param spec the input, from the card
 * @returns {Promise<Float32Array>} RGB in 0..255, of shape (...spec.size, 3)
 * @throws FigleafError TOO_LARGE for a side beyond any real picture's
 */
export async function prepare(pixels, spec) {
  const side = Math.max(pixels.width, pixels.height);
  if (side > MAX_SIDE) {
    throw new FigleafError("TOO_LARGE", `a side of ${side} pixels, over ${MAX_SIDE}`);
  }
  const resized =
    spec.resample === "bilinear-align-corners"
      ? alignCorners(pixels, spec.resize)
      : antialiased(pixels, spec.resize, spec.resample);
  const cropped = centreCrop(resized, spec.resize, spec.size);
  if (spec.jpegQuality === null) return Float32Array.from(cropped);
  return Float32Array.from(await jpegRoundTrip(cropped, spec.size, spec.jpegQuality));
}

/** Through the browser's JPEG encoder and back, which is not Pillow's: see docs/web.md. */
async function jpegRoundTrip(data, [height, width], quality) {
  const bytes = Uint8ClampedArray.from(data);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true, alpha: false });
  context.putImageData(new ImageData(withAlpha(bytes), width, height), 0, 0);
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: quality / 100 });
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none" });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return withoutAlpha(context.getImageData(0, 0, width, height).data);
}

function withAlpha(rgb) {
  const result = new Uint8ClampedArray((rgb.length / 3) * 4).fill(255);
  for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) {
    result[to] = rgb[from];
    result[to + 1] = rgb[from + 1];
    result[to + 2] = rgb[from + 2];
  }
  return result;
}

function withoutAlpha(rgba) {
  const result = new Uint8ClampedArray((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    result[to] = rgba[from];
    result[to + 1] = rgba[from + 1];
    result[to + 2] = rgba[from + 2];
  }
  return result;
}
