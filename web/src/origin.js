// What a card tells of a bundle that was made of other models: figleaf.models.origin in Python.

import { isTable, isText, listOf, oneOf, optional, refuse, shown, typed } from "./fields.js";

const RULES = ["mean", "mean-unsafe"];
const SOURCES = ["huggingface", "tfjs"];

/** {rule, members: [{name, version, sha256}]}, or null: the graph itself does the arithmetic. */
export function parseEnsemble(card) {
  const raw = optional(card, "ensemble", isTable);
  if (raw === null) return null;
  const rule = oneOf(raw, "rule", RULES);
  const members = listOf(raw, "members", isTable).map(parseMember);
  if (members.length < 2) {
    refuse(`card.json: 'members' are ${members.length}; an ensemble is of two or more`);
  }
  return Object.freeze({ rule, members: Object.freeze(members) });
}

function parseMember(raw) {
  const [name, version, sha256] = ["name", "version", "sha256"].map((key) => typed(raw, key, isText));
  checkDigest(sha256);
  return Object.freeze({ name, version, sha256 });
}

/** {source, files: file -> SHA-256, labels: its class -> ours, repository, revision}, or null. */
export function parseImported(card) {
  const raw = optional(card, "imported", isTable);
  if (raw === null) return null;
  const files = typed(raw, "files", areTexts);
  Object.values(files).forEach(checkDigest);
  return Object.freeze({
    source: oneOf(raw, "from", SOURCES),
    files,
    labels: typed(raw, "labels", areTexts),
    repository: optional(raw, "repository", isText),
    revision: optional(raw, "revision", isText),
  });
}

const areTexts = (value) => isTable(value) && Object.values(value).every(isText);

function checkDigest(value) {
  if (!/^[0-9a-f]{64}$/.test(value)) refuse(`card.json: ${shown(value)} is no SHA-256`);
}
