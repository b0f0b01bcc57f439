// Frames of moving pictures, evenly over the whole length: figleaf.images.stills in Python.

import { otherPicture } from "./apng.js";
import { FigleafError } from "./errors.js";
import { AS_STORED, PATIENCE } from "./pixels.js";

const ROUNDING = 1e-6; // times are sums of numbers that are not exact
const UNTIMED = 0.1; // seconds of a frame that says nothing of itself, as browsers have it
const ASTRAY = 0.1; // seconds
const BEFORE_THE_END = 1e-3; // seconds: at the very end some browsers show nothing

/**
 * Which frames of a film to look at: the first, the last, and those shown at moments in between,
 * all equally far apart. Where one frame is shown at several moments, as a long pause brings it
 * about, frames that would not be looked at take the places, evenly by their number.
 *
 * @param {number[]} begins when each frame is shown, in order, in seconds from the first
 * @param {number} length seconds from the first frame to the end of the last one
 * @param {{every?: number, most?: number}} rules seconds between two of them, at least; how many,
 *     at most
 * @returns {number[]} numbers of frames, rising, at least one
 */
export function choose(begins, length, { every = 0.25, most = 16 } = {}) {
  const count = begins.length;
  if (most === 1 || count === 1) return [0];
  const parts = Math.max(1, Math.floor(Math.min(length / every + ROUNDING, most - 1, count - 1)));
  const chosen = new Set([0, count - 1]);
  for (let part = 0; part < parts; part += 1) {
    chosen.add(shownAt(begins, (length * part) / parts + ROUNDING));
  }
  const missing = parts + 1 - chosen.size;
  if (missing > 0) {
    const others = begins.map((_, number) => number).filter((number) => !chosen.has(number));
    for (let n = 0; n < missing; n += 1) {
      chosen.add(others[Math.floor(((2 * n + 1) * others.length) / (2 * missing))]);
    }
  }
  return [...chosen].sort((one, other) => one - other);
}

function shownAt(begins, moment) {
  const after = begins.findIndex((begin) => begin > moment);
  return Math.max(0, (after < 0 ? begins.length : after) - 1);
}

/** Whether this browser can take animations apart (WebCodecs' ImageDecoder). */
export function canTakeApart() {
  return typeof globalThis.ImageDecoder === "function";
}

/**
 * Whether a file is an animation with two pictures or more; false too where this browser cannot take
 * it apart. Videos are no animations.
 */
export async function isAnimation(file) {
  if (!canTakeApart() || !(await animationType(file))) return false;
  const { decoder, other } = await openAnimation(file);
  const { frameCount } = decoder.tracks.selectedTrack;
  decoder.close();
  return frameCount > 1 || other !== null;
}

/**
 * Frames of an animation: GIF, WebP, APNG, AVIF. Where a PNG has another picture for programs that
 * know no animations, that is looked at too, first, at 0 seconds: one more than `most`.
 *
 * @param {Blob} file
 * @param {{every?: number, most?: number, signal?: AbortSignal}} rules see `choose`
 * @yields {{index: number, total: number, seconds: number, image: VideoFrame}} image: closed when
 *     the next one is asked for
 * @throws FigleafError UNREADABLE, BAD_ARGUMENT; UNSUPPORTED where this browser has no ImageDecoder
 */
export async function* animationFrames(file, { every, most, signal } = {}) {
  checkRules({ every, most });
  const { decoder, other } = await openAnimation(file);
  try {
    const { begins, length } = await timing(decoder, signal);
    const looks = choose(begins, length, { every, most }).map((number) => ({
      seconds: begins[number],
      decoded: async () => (await decodedFrame(decoder, number)).image,
    }));
    if (other) looks.unshift({ seconds: 0, decoded: () => decodedOther(other) });
    for (const [index, { seconds, decoded }] of looks.entries()) {
      signal?.throwIfAborted();
      const image = await decoded();
      try {
        yield { index, total: looks.length, seconds, image };
      } finally {
        image.close();
      }
    }
  } finally {
    decoder.close();
  }
}

/**
 * Frames of a video, in whatever container and codec the browser plays.
 *
 * @param {Blob | HTMLVideoElement} source an element is left as it is: its file is fetched
 * @param {{every?: number, most?: number, signal?: AbortSignal}} rules see `choose`; the frames are
 *     those shown at moments that lie evenly apart
 * @yields {{index: number, total: number, seconds: number, image: HTMLVideoElement}} image: shows
 *     the frame until the next one is asked for
 * @throws FigleafError UNREADABLE, BAD_ARGUMENT
 */
export async function* videoFrames(source, { every = 0.25, most = 16, signal } = {}) {
  checkRules({ every, most });
  const video = document.createElement("video");
  const url = URL.createObjectURL(source instanceof Blob ? source : await fileOf(source, signal));
  try {
    video.muted = true;
    video.playsInline = true;
    video.preload = "auto";
    await happened(video, "loadeddata", signal, () => {
      video.src = url;
    });
    const last = Math.max(0, (await lengthOf(video, signal)) - BEFORE_THE_END);
    const parts = most === 1 ? 0 : Math.max(1, Math.floor(Math.min(last / every, most - 1)));
    for (let index = 0; index <= parts; index += 1) {
      const seconds = parts ? (last * index) / parts : 0;
      await seek(video, seconds, signal);
      if (Math.abs(video.currentTime - seconds) > ASTRAY) {
        const why = `the video cannot be brought to ${seconds.toFixed(2)} s`;
        throw new FigleafError("UNREADABLE", why);
      }
      yield { index, total: parts + 1, seconds, image: video };
    }
  } finally {
    video.removeAttribute("src");
    video.load();
    URL.revokeObjectURL(url);
  }
}

function checkRules({ every, most }) {
  if (every !== undefined && !(every > 0 && every < Infinity)) {
    throw new FigleafError("BAD_ARGUMENT", `every is a number of seconds above zero, not ${every}`);
  }
  if (most !== undefined && !(Number.isInteger(most) && most >= 1)) {
    throw new FigleafError("BAD_ARGUMENT", `most is a whole number from 1, not ${most}`);
  }
}

async function openAnimation(file) {
  if (!canTakeApart()) {
    const why = globalThis.isSecureContext === false ? "a page that is not secure (https)" : "this browser";
    const cure = "`classify` looks at the one picture that it shows first";
    throw new FigleafError("UNSUPPORTED", `${why} has no ImageDecoder, which takes animations apart; ${cure}`);
  }
  const type = await animationType(file);
  if (!type) {
    throw new FigleafError("UNREADABLE", "the file is no GIF, PNG, WebP or AVIF");
  }
  const data = await file.arrayBuffer();
  const other = otherPicture(new Uint8Array(data)); // before the decoder takes the bytes
  const options = { data, type, colorSpaceConversion: "none", preferAnimation: true };
  const decoder = new ImageDecoder(options);
  try {
    await decoder.completed;
    await decoder.tracks.ready;
    if (!decoder.tracks.selectedTrack?.frameCount) throw new Error("it has no frame");
    return { decoder, other };
  } catch (error) {
    decoder.close();
    throw new FigleafError("UNREADABLE", `the file cannot be taken apart (${error.message})`);
  }
}

/** The type by the first bytes, since names and stated types lie; "" for others. */
async function animationType(file) {
  const head = new Uint8Array(await file.slice(0, 16).arrayBuffer());
  const text = String.fromCharCode(...head);
  if (text.startsWith("GIF8")) return "image/gif";
  if (text.startsWith("\x89PNG")) return "image/png";
  if (text.startsWith("RIFF") && text.slice(8, 12) === "WEBP") return "image/webp";
  if (["ftypavis", "ftypavif"].includes(text.slice(4, 12))) return "image/avif";
  return "";
}

/** When each frame begins. Only decoding says it, so that all are decoded twice. */
async function timing(decoder, signal) {
  const begins = [];
  let length = 0;
  for (let number = 0; number < decoder.tracks.selectedTrack.frameCount; number += 1) {
    signal?.throwIfAborted();
    const { image } = await decodedFrame(decoder, number);
    begins.push(length);
    length += image.duration ? image.duration / 1e6 : UNTIMED;
    image.close();
  }
  return { begins, length };
}

async function decodedFrame(decoder, frameIndex) {
  try {
    return await decoder.decode({ frameIndex });
  } catch (error) {
    const which = `frame ${frameIndex + 1} cannot be decoded`;
    throw new FigleafError("UNREADABLE", `${which} (${error.message})`);
  }
}

async function decodedOther(blob) {
  try {
    const bitmap = await createImageBitmap(blob, AS_STORED);
    const image = new VideoFrame(bitmap, { timestamp: 0 });
    bitmap.close();
    return image;
  } catch (error) {
    const which = "its picture for programs that know no animations cannot be decoded";
    throw new FigleafError("UNREADABLE", `${which} (${error.message})`);
  }
}

/** All of an element's file: a server that gives no ranges would leave it at its first frame. */
async function fileOf(element, signal) {
  try {
    const response = await fetch(element.currentSrc, { signal });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return await response.blob();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new FigleafError("UNREADABLE", `the video's file cannot be had (${error.message})`);
  }
}

/** Seconds; a recording that was never finished says none until it has been at its end. */
async function lengthOf(video, signal) {
  if (video.duration === Infinity) await seek(video, Number.MAX_SAFE_INTEGER, signal);
  return Number.isFinite(video.duration) ? video.duration : video.currentTime;
}

async function seek(video, seconds, signal) {
  if (video.currentTime === seconds && video.readyState >= 2) return;
  await happened(video, "seeked", signal, () => {
    video.currentTime = seconds;
  });
  // After a jump from the end of a recording there may be no frame yet.
  if (video.readyState < 2) await happened(video, "canplay", signal, () => {});
}

/** Do something to a video and wait for the event that says that it is done. */
function happened(video, event, signal, act) {
  return new Promise((resolve, reject) => {
    const over = new AbortController();
    const settle = (how, value) => {
      clearTimeout(timer);
      over.abort();
      how(value);
    };
    const timer = setTimeout(() => {
      const seconds = PATIENCE / 1000;
      const why = `the video did not answer within ${seconds} s (${event})`;
      settle(reject, new FigleafError("UNREADABLE", why));
    }, PATIENCE);
    const until = { signal: over.signal };
    video.addEventListener(event, () => settle(resolve), until);
    video.addEventListener("error", () => settle(reject, unplayable(video)), until);
    signal?.addEventListener("abort", () => settle(reject, signal.reason), until);
    if (signal?.aborted) settle(reject, signal.reason);
    else act();
  });
}

function unplayable(video) {
  const why = video.error?.message || "no codec for it";
  return new FigleafError("UNREADABLE", `this browser cannot play the video (${why})`);
}
