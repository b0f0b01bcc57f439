// A picture or film judged in this browser: what it is, its scores, or why it has none.

import { canTakeApart } from "./figleaf/frames.js";
import { kindOf } from "./kinds.js";
import { sketchOf } from "./picture.js";
import { Wait } from "./work.js";

const STATUS = { UNREADABLE: "corrupt", TOO_LARGE: "too_many_pixels" };
const GONE = {
  NotFoundError: { status: "not_found", why: "no such file" },
  NotReadableError: { status: "unreadable", why: "cannot be read" },
};
// What browsers do not decode, or only some of them: then it is not the file's fault.
const RARE = /hei[cfs]|jxl|tiff?|jp2|psd|mkv|matroska|quicktime|mov|avi/i;

const COMMON = /jpe?g|png|gif|webp|avif|bmp/;

/**
 * @param item of the store
 * @param model of figleaf-web
 * @param {() => boolean} wanted whether anybody still wants it
 * @returns {Promise<{kind: string | null, outcome: object}>} see store.js
 * @throws Wait the model was let go meanwhile, or nobody wants it any more
 */
export async function judgeHere(item, model, wanted) {
  const by = { model: model.card.tag, precision: model.precision, from: "browser" };
  let kind = null;
  try {
    kind = await kindOf(item.file);
    if (kind === "empty") return { kind: null, outcome: { status: "empty", why: "no bytes", ...by } };
    if (kind === "other") return { kind: null, outcome: { status: "not_an_image", why: "no known image format", ...by } };
    const look = kind === "still" || kind === "unheard" ? still(item.file, model) : moving(item, kind, model, wanted);
    const found = await look;
    return { kind, outcome: { status: "ok", ...found, ...by } };
  } catch (error) {
    return { kind: kind === "unheard" ? null : kind, outcome: { ...failure(error, kind, item.file), ...by } };
  }
}

const still = async (file, model) => ({ scores: await model.scores(file), frames: [], unseen: null });

async function moving(item, kind, model, wanted) {
  const frames = [];
  const onFrame = async ({ seconds, scores, image }) => {
    if (!wanted()) throw new Wait();
    item.sketch ??= await sketchOf(image);
    frames.push({ seconds, scores });
  };
  try {
    if (kind === "video") await model.classifyVideo(item.file, { onFrame });
    else if (canTakeApart()) await model.classifyGif(item.file, { onFrame });
    else return await firstFrame(item.file, model);
  } catch (error) {
    if (error.code !== "UNREADABLE") throw error;
    // What was seen counts; what was not is said.
    if (frames.length) return { scores: {}, frames, unseen: frames.at(-1).seconds };
    if (kind === "video") throw error;
    return firstFrame(item.file, model);
  }
  if (frames.length === 1 && kind === "animation") return still(item.file, model); // a GIF that does not move
  return { scores: {}, frames, unseen: null };
}

/** All that there is to see of an animation in some browsers. */
async function firstFrame(file, model) {
  return { scores: {}, frames: [{ seconds: 0, scores: await model.scores(file) }], unseen: 0 };
}

function failure(error, kind, file) {
  if (error instanceof Wait || error.code === "DISPOSED") throw new Wait();
  if (GONE[error.name]) return GONE[error.name];
  const status = STATUS[error.code] ?? "error";
  const told = { why: error.message, code: error.code ?? "other" };
  if (status !== "corrupt") return { status, ...told };
  // Of a file that only its name calls a picture: of one kind that browsers have, or of another?
  if (kind === "unheard") return { status: COMMON.test(file.type) ? "not_an_image" : "unsupported", ...told };
  return { status: RARE.test(`${file.type} ${file.name ?? ""}`) ? "unsupported" : status, ...told };
}
