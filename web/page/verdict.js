// From scores and a policy to a verdict, as figleaf.classify.verdict in Python has it.

import { fixed } from "./figleaf/figures.js";
import { decide } from "./figleaf/policy.js";

const SEVERITY = { allow: 0, review: 1, block: 2 };
const severity = (decision) => SEVERITY[decision] ?? -1;

/**
 * The verdict on an item.
 *
 * @returns null until it is done, else {decision: "allow" | "review" | "block" | null, reason, unsafe,
 *     at: the index of the frame that decides or null, scores, frames: [{seconds, scores, unsafe,
 *     decision}], least: what decided instead because a part of a film could not be looked at, or null}
 */
export function verdictOn(item, policy) {
  const { outcome } = item;
  if (!outcome) return null;
  if (outcome.status !== "ok") {
    return { decision: policy.unreadable, reason: outcome.why ?? "", unsafe: null, at: null, scores: {}, frames: [], least: null };
  }
  if (outcome.listed) {
    return { ...outcome.listed, unsafe: null, at: null, scores: {}, frames: [], least: null };
  }
  if (!outcome.frames.length) {
    return { ...decide(policy, outcome.scores), at: null, scores: outcome.scores, frames: [], least: null };
  }
  return verdictOnFrames(outcome, policy);
}

function verdictOnFrames(outcome, policy) {
  const frames = outcome.frames.map(({ seconds, scores }) => {
    const { decision, unsafe } = decide(policy, scores);
    return { seconds, scores, unsafe, decision };
  });
  const at = worstOf(frames);
  const found = decide(policy, frames[at].scores);
  const verdict = { ...found, at, scores: frames[at].scores, frames, least: null };
  const unseen = outcome.unseen !== null;
  if (unseen && severity(found.decision) < severity(policy.unreadable)) {
    return { ...verdict, decision: policy.unreadable, least: policy.unreadable };
  }
  return verdict;
}

/** The index of the worst frame: the most severe decision, then the highest unsafe score, then the first. */
function worstOf(frames) {
  let worst = 0;
  frames.forEach((one, n) => {
    const other = frames[worst];
    const more = severity(one.decision) - severity(other.decision) || (one.unsafe ?? 0) - (other.unsafe ?? 0);
    if (more > 0) worst = n;
  });
  return worst;
}

/** The reason as results for programs give it, in the words that Python has. */
export function reasonFor(item, verdict) {
  if (verdict.at === null) return verdict.reason;
  const { frames } = verdict;
  const count = `${frames.length} frame${frames.length > 1 ? "s" : ""}`;
  const reason = `${verdict.reason} at ${tenths(frames[verdict.at].seconds)} s (max of ${count})`;
  if (item.outcome.unseen === null) return reason;
  const doubt = `${reason}; from ${tenths(item.outcome.unseen)} s on not all could be decoded`;
  return verdict.least ? `${doubt}: ${verdict.least}` : doubt;
}

/** Seconds with one decimal, as Python writes them. */
export const tenths = (seconds) => fixed(seconds, 1);

/** Scores as pairs, most probable first: objects put names that are whole numbers first. */
export const ranked = (scores) => Object.entries(scores).sort((a, b) => b[1] - a[1]);

/** The most probable class. */
export const labelOf = (scores) => ranked(scores)[0]?.[0] ?? null;

/** Scores, most probable first. */
export const sorted = (scores) => Object.fromEntries(ranked(scores));
