// The card of a bundle: the same schema, and the same refusals, as figleaf.models.card in Python.

import { isAbsent, isTable, isText, isWhole, listOf, oneOf, optional, refuse, shown, typed } from "./fields.js";
import { parseEnsemble, parseImported } from "./origin.js";

const FORMAT = 1;
const MAX_SIDE = 4096;
// The fields of a result in Python, which no class may be called.
const RESULT_FIELDS = [
  "input",
  "status",
  "label",
  "scores",
  "unsafe",
  "decision",
  "reason",
  "policy",
  "model",
  "precision",
  "actions",
  "places",
];
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;
const RESAMPLE = [
  "bilinear-align-corners",
  "bilinear",
  "bicubic",
  "nearest",
  "box",
  "hamming",
  "lanczos",
];
const FITS = ["squash", "shortest-edge"];
// All of an input's fields say how pixels are made: one that is passed over would give other scores.
const INPUT_FIELDS = [
  "name",
  "size",
  "resample",
  "resize",
  "fit",
  "jpeg_quality",
  "background",
];

/**
 * Validate a parsed `card.json`.
 *
 * @param {unknown} raw what JSON.parse gave
 * @returns the card: name, version, tag ("name@version"), description, labels, features, inputs
 *     (each name, size, resize as [height, width], resample, fit, jpegQuality or null, background),
 *     sha256 (file -> hash), license, suggestedPolicy or null, computes ("int8" or null),
 *     ensemble ({rule, members: [{name, version, sha256}]} or null), imported (where another's
 *     model came from, or null), raw
 * @throws FigleafError BAD_BUNDLE; the message names the field
 */
export function parseCard(raw) {
  if (!isTable(raw)) refuse("card.json: not a JSON object");
  if (raw.format !== FORMAT) {
    refuse(`card.json: 'format' is ${shown(raw.format)}, this figleaf-web reads ${FORMAT}`);
  }
  const labels = listOf(raw, "labels", isText);
  if (new Set(labels).size < labels.length) refuse("card.json: 'labels' holds a name twice");
  for (const label of labels) {
    if (!label || RESULT_FIELDS.includes(label) || UNPRINTABLE.test(label)) {
      refuse(`card.json: 'labels' has ${shown(label)}, which cannot be a class's name`);
    }
  }
  const features = typed(raw, "features", isWhole);
  if (!labels.length && features < 1) {
    refuse("card.json: a model needs 'labels', 'features', or both");
  }
  const name = typed(raw, "name", isText);
  const version = typed(raw, "version", isText);
  return Object.freeze({
    name,
    version,
    tag: `${name}@${version}`,
    description: typed(raw, "description", isText),
    labels: Object.freeze(labels),
    features,
    inputs: Object.freeze(parseInputs(raw)),
    sha256: Object.freeze(parseHashes(raw)),
    license: typed(raw, "license", isText),
    suggestedPolicy: optional(raw, "suggested_policy", isText),
    computes: isAbsent(raw, "computes") ? null : oneOf(raw, "computes", ["int8"]),
    ensemble: parseEnsemble(raw),
    imported: parseImported(raw),
    raw,
  });
}

function parseInputs(raw) {
  const inputs = listOf(raw, "inputs", isTable).map(parseInput);
  if (!inputs.length) refuse("card.json: 'inputs' is empty");
  if (new Set(inputs.map((spec) => String(spec.background))).size > 1) {
    // A picture is decoded once for all inputs.
    refuse("card.json: the inputs' 'background' differ; give all the same");
  }
  return inputs;
}

function parseInput(raw) {
  const unknown = Object.keys(raw).find((key) => !INPUT_FIELDS.includes(key));
  if (unknown !== undefined) {
    refuse(`card.json: an input has ${shown(unknown)}, which this figleaf-web does not know: use a newer one`);
  }
  const size = sides(raw, "size");
  const resize = "resize" in raw ? sides(raw, "resize") : size;
  if (resize[0] < size[0] || resize[1] < size[1]) {
    refuse(`card.json: 'resize' ${shown(resize)} is smaller than 'size' ${shown(size)}`);
  }
  const fit = "fit" in raw ? oneOf(raw, "fit", FITS) : "squash";
  if (fit === "shortest-edge" && resize[0] !== resize[1]) {
    refuse(`card.json: 'resize' ${shown(resize)} is not one length twice, as 'shortest-edge' needs`);
  }
  const resample = oneOf(raw, "resample", RESAMPLE);
  const quality = raw.jpeg_quality ?? null;
  if (quality !== null && !(isWhole(quality) && quality >= 1 && quality <= 100)) {
    refuse(`card.json: 'jpeg_quality' is ${shown(quality)}, not a whole number from 1 to 100`);
  }
  const background = listOf(raw, "background", isWhole);
  if (background.length !== 3 || background.some((level) => level < 0 || level > 255)) {
    refuse(`card.json: 'background' is ${shown(background)}, not three numbers from 0 to 255`);
  }
  const name = typed(raw, "name", isText);
  return Object.freeze({ name, size, resample, resize, fit, jpegQuality: quality, background });
}

function parseHashes(raw) {
  const hashes = typed(raw, "sha256", isTable);
  for (const [name, digest] of Object.entries(hashes)) {
    if (!isText(digest) || digest.length !== 64 || name.includes("/")) {
      refuse(`card.json: 'sha256' has ${shown(name)}: ${shown(digest)}, not a file and its hash`);
    }
  }
  if (!Object.hasOwn(hashes, "model.onnx")) {
    refuse("card.json: 'sha256' does not name model.onnx");
  }
  return { ...hashes };
}

function sides(raw, key) {
  const values = listOf(raw, key, isWhole);
  if (values.length !== 2 || values.some((side) => side < 1 || side > MAX_SIDE)) {
    refuse(`card.json: '${key}' is ${shown(values)}, not [height, width] from 1 to ${MAX_SIDE}`);
  }
  return values;
}
