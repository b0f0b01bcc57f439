// A picture or film judged in this browser: what it is, its scores, or why it has none.

import { FigleafError } from "./figleaf/index.js";
import { framesOfAnimation, framesOfVideo, Undecodable } from "./films.js";
import { kindOf } from "./kinds.js";
import { Wait } from "./work.js";
import { sorted } from "./verdict.js";

const STATUS = { UNREADABLE: "corrupt", TOO_LARGE: "too_many_pixels" };

/**
 * @param item of the store
 * @param model of figleaf-web
 * @param {() => boolean} wanted whether anybody still wants it
 * @returns {Promise<{kind: string | null, outcome: object}>} see store.js
 * @throws Wait the model was let go meanwhile
 */
export async function judgeHere(item, model, wanted) {
  const by = { model: model.card.tag, precision: "f32", from: "browser" };
  let kind = null;
  try {
    kind = await kindOf(item.file);
    if (kind === "empty") return { kind: null, outcome: { status: "empty", why: "no bytes", ...by } };
    if (kind === "other") return { kind: null, outcome: { status: "not_an_image", why: "no known image format", ...by } };
    return { kind, outcome: { status: "ok", ...(await looked(item.file, kind, model, wanted)), ...by } };
  } catch (error) {
    return { kind, outcome: { ...failure(error, item.file), ...by } };
  }
}

async function looked(file, kind, model, wanted) {
  if (kind === "still") return { scores: sorted(await model.scores(file)), frames: [], unseen: null };
  const frames = [];
  const found = (kind === "video" ? framesOfVideo : framesOfAnimation)(file);
  let unseen = null;
  for await (const { seconds, picture } of found) {
    if (!wanted()) throw new Wait();
    if (picture === null) {
      unseen ??= seconds;
      continue;
    }
    frames.push({ seconds, scores: sorted(await model.scores(picture)) });
  }
  if (frames.length === 1 && kind === "animation" && unseen === null) {
    return { scores: frames[0].scores, frames: [], unseen: null }; // a GIF that does not move
  }
  return { scores: {}, frames, unseen };
}

function failure(error, file) {
  if (error instanceof Wait) throw error;
  if (error.code === "DISPOSED") throw new Wait();
  if (error instanceof Undecodable) return { status: error.status, why: error.message };
  if (error.name === "NotFoundError") return { status: "not_found", why: "no such file" };
  if (error.name === "NotReadableError") return { status: "unreadable", why: "cannot be read" };
  const status = error instanceof FigleafError ? STATUS[error.code] : undefined;
  if (status === "corrupt" && /hei[cf]|jxl|tiff|jp2|psd/i.test(`${file.type} ${file.name ?? ""}`)) {
    return { status: "unsupported", why: error.message };
  }
  return { status: status ?? "error", why: error.message };
}
