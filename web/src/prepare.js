// From pixels to the array that a graph takes, as its card says: figleaf.models.preprocess.

import { FigleafError } from "./errors.js";
import { alignCorners, antialiased, nearest } from "./resample.js";

const MAX_SIDE = 2 ** 20;
const LONG = 16; // times as long as wide

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
  const cropped = spec.fit === "shortest-edge" ? keptInShape(pixels, spec) : resized(pixels, spec.resize, spec);
  if (spec.jpegQuality === null) return Float32Array.from(cropped);
  return Float32Array.from(await jpegRoundTrip(cropped, spec.size, spec.jpegQuality));
}

/** The middle, of `crop`, of a picture that is resized to `size`. */
function resized(pixels, size, { resample, size: crop }) {
  if (resample === "bilinear-align-corners") return alignCorners(pixels, size, crop);
  if (resample === "nearest") return nearest(pixels, size, crop);
  return antialiased(pixels, size, resample, crop);
}

/** The middle of a picture whose shorter side is resized to a length, the longer one as it falls. */
function keptInShape(pixels, spec) {
  const picture = withoutEnds(pixels);
  const { width, height } = picture;
  const [length] = spec.resize;
  const longer = Math.trunc((length * Math.max(width, height)) / Math.min(width, height));
  return resized(picture, width > height ? [length, longer] : [longer, length], spec);
}

/** A picture without the ends of its longer side, where that is many times the other one, as in Python. */
function withoutEnds({ data, width, height, channels }) {
  const [short, long] = [Math.min(width, height), Math.max(width, height)];
  const most = LONG * short;
  if (long <= most) return { data, width, height, channels };
  const from = Math.floor((long - most) / 2);
  if (height > width) {
    const row = width * channels;
    return { data: data.subarray(from * row, (from + most) * row), width, height: most, channels };
  }
  const part = new Uint8ClampedArray(most * height * channels);
  for (let y = 0; y < height; y += 1) {
    const begin = (y * width + from) * channels;
    part.set(data.subarray(begin, begin + most * channels), y * most * channels);
  }
  return { data: part, width: most, height, channels };
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
