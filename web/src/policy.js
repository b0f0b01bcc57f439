// Policies: from scores to a decision, with Python's words. The same as figleaf.classify.policy.
//
//   {"name": "balanced", "rules": [
//     {"name": "unsafe", "classes": ["hentai", "porn", "sexy", "nsfw"], "review": 0.5, "block": 0.95},
//     {"name": "explicit", "classes": ["hentai", "porn", "nsfw"], "review": null, "block": 0.8}]}

import { fixed, general } from "./figures.js";
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
      return { decision, reason: `${name} ${shown(score)} >= ${general(threshold)}` };
    }
  }
  const lowest = isSet(review) ? review : block;
  return { decision: "allow", reason: `${name} ${shown(score)} < ${general(lowest)}` };
}

function isSet(threshold) {
  return threshold !== null && threshold !== undefined;
}

function shown(score) {
  return Number.isNaN(score) ? "nan" : fixed(score, 3);
}
