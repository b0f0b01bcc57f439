// Policies: from scores to a decision, with Python's words. The same as figleaf.classify.policy.
//
//   {"name": "balanced", "rules": [
//     {"name": "unsafe", "classes": ["hentai", "porn", "sexy", "nsfw"], "review": 0.5, "block": 0.95},
//     {"name": "explicit", "classes": ["hentai", "porn", "nsfw"], "review": null, "block": 0.8}]}

import { canonical } from "./labels.js";

const SEVERITY = { allow: 0, review: 1, block: 2 };

/**
 * The most severe decision of all rules, and why.
 *
 * @param policy as above; thresholds are in 0..1, null for none
 * @param {Record<string, number>} scores class -> probability, all classes of the model
 * @returns {{decision: "allow" | "review" | "block" | null, reason: string, unsafe: number | null}}
 *     decision: null where no rule applies to any class, as a policy must not allow what it does not
 *     know; unsafe: see `unsafeScore`
 */
export function decide(policy, scores) {
  const outcomes = policy.rules
    .filter((rule) => isSet(rule.review) || isSet(rule.block))
    .map((rule) => ({ rule, score: scoreOf(rule, scores) }))
    .filter(({ score }) => score !== null)
    .map(({ rule, score }) => outcome(rule, score));
  const unsafe = unsafeScore(policy, scores);
  if (!outcomes.length) {
    const reason = `policy ${policy.name} has no rule for any class of this model`;
    return { decision: null, reason, unsafe };
  }
  const worst = Math.max(...outcomes.map(({ decision }) => SEVERITY[decision]));
  return { ...outcomes.find(({ decision }) => SEVERITY[decision] === worst), unsafe };
}

/**
 * The summed probability of the classes that the policy calls unsafe, 0..1; null where the scores
 * have none of them.
 */
export function unsafeScore(policy, scores) {
  const rule = policy.rules.find(({ name }) => name === "unsafe");
  return rule ? scoreOf(rule, scores) : null;
}

function scoreOf({ classes }, scores) {
  const of = new Set(classes.map(canonical));
  const ours = Object.entries(scores).filter(([name]) => of.has(canonical(name)));
  if (!ours.length) return null;
  return Math.min(ours.reduce((sum, [, score]) => sum + score, 0), 1);
}

function outcome({ name, review, block }, score) {
  for (const [decision, threshold] of [["block", block], ["review", review]]) {
    // NaN is not below anything.
    if (isSet(threshold) && !(score < threshold)) {
      return { decision, reason: `${name} ${fixed(score)} >= ${general(threshold)}` };
    }
  }
  const lowest = isSet(review) ? review : block;
  return { decision: "allow", reason: `${name} ${fixed(score)} < ${general(lowest)}` };
}

function isSet(threshold) {
  return threshold !== null && threshold !== undefined;
}

/** Python's ".3f" for 0..1: halves are decided by the number's exact value, as toFixed has it. */
function fixed(score) {
  return Number.isNaN(score) ? "nan" : score.toFixed(3);
}

/** Python's "g": six digits, no zeros at the end, an exponent of two digits below 1e-4. */
function general(number) {
  const text = String(Number(number.toPrecision(6)));
  if (number === 0 || Math.abs(Number(text)) >= 1e-4) return text;
  const [digits, exponent] = Number(text).toExponential().split("e-");
  return `${digits}e-${exponent.padStart(2, "0")}`;
}
