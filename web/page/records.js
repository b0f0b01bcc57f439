// Results for programs: the fields that `figleaf classify --format json` and `--format csv` give.

import { fixed } from "./figleaf/figures.js";
import { labelOf, reasonFor, verdictOn } from "./verdict.js";

/** The result of an item as figleaf's JSON has it; null until there is one. */
export function recordOf(item, policy, policyTag) {
  const verdict = verdictOn(item, policy);
  if (!verdict) return null;
  const { outcome } = item;
  const record = {
    input: item.name,
    status: outcome.status,
    label: labelOf(verdict.scores),
    scores: rounded(verdict.scores),
    unsafe: round(verdict.unsafe),
    decision: verdict.decision,
    reason: reasonFor(item, verdict),
    policy: policyTag,
    model: outcome.model,
    precision: outcome.precision,
  };
  return verdict.frames.length ? { ...record, frames: verdict.frames.map(frameOf) } : record;
}

const frameOf = ({ seconds, scores, unsafe, decision }) => ({
  seconds: round(seconds), scores: rounded(scores), unsafe: round(unsafe), decision,
});

const round = (value) => (value === null ? null : Number(fixed(value, 6)));
const rounded = (scores) => Object.fromEntries(Object.entries(scores).map(([name, value]) => [name, round(value)]));

/** A JSON array, a record a line. */
export const asJSON = (records) => `[\n${records.map((one) => JSON.stringify(one)).join(",\n")}\n]\n`;

const FIRST = ["input", "status", "label", "unsafe", "decision", "reason", "policy", "model", "precision"];

/** CSV: a row a record, a column for each class that any of them has. */
export function asCSV(records) {
  const labels = [...new Set(records.flatMap((one) => Object.keys(one.scores)))].sort();
  const rows = records.map((one) => [...FIRST.map((name) => one[name]), ...labels.map((name) => one.scores[name])]);
  return [[...FIRST, ...labels], ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

/** A cell. What a spreadsheet would take for a formula becomes text by an apostrophe in front. */
function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r\n＝＋－＠]/u.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}
