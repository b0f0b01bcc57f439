// A policy's thresholds: what a person has changed, and how that is written down.

/** A copy of a policy whose thresholds can be moved. */
export const copyOf = (policy) => ({ ...policy, rules: policy.rules.map((rule) => ({ ...rule })) });

/**
 * Another policy with one threshold moved; the rule's other one goes along where it would be passed.
 *
 * @param {object} policy
 * @param {number} n which rule; a sum and a class may have one name
 * @param {"review" | "block"} what
 * @param {number | null} value 0..1, or null for no threshold
 */
export function moved(policy, n, what, value) {
  const rules = policy.rules.map((rule, m) => (m === n ? movedRule(rule, what, value) : rule));
  return { ...policy, rules };
}

function movedRule(rule, what, value) {
  const changed = { ...rule, [what]: value };
  if (changed.review !== null && changed.block !== null && changed.review > changed.block) {
    changed.review = changed.block = value;
  }
  return changed;
}

/** What of a policy differs from the one it began as: ["unsafe review 0.4", ...]. */
export function changes(policy, original) {
  return policy.rules.flatMap((rule, n) =>
    ["review", "block"]
      .filter((what) => rule[what] !== original.rules[n][what])
      .map((what) => `${rule.name} ${what} ${rule[what] ?? "none"}`));
}

/** What results call it: "balanced@1", or with what was changed: "balanced@1 (unsafe review 0.4)". */
export function tagOf(policy, original) {
  const changed = changes(policy, original);
  return changed.length ? `${policy.tag} (${changed.join(", ")})` : policy.tag;
}

/** The policy as a TOML file, which every command of figleaf takes as --policy. */
export function policyFile(policy, original) {
  const changed = changes(policy, original).length > 0;
  const lines = [
    "format = 1",
    `name = ${quoted(changed ? `my-${policy.name}` : policy.name)}`,
    `version = ${policy.version}`,
    `description = ${quoted(policy.description)}`,
    `unreadable = ${quoted(policy.unreadable)}`,
  ];
  if (changed) lines.unshift(`# ${tagOf(policy, original)}`);
  policy.rules.forEach((rule, n) => lines.push("", ...ruleLines(rule, isOfClass(policy.rules, n))));
  return `${lines.join("\n")}\n`;
}

/** Whether a rule is a class's and no sum: sums come first, and a class may have the name of one. */
function isOfClass(rules, n) {
  const { name, classes } = rules[n];
  const places = rules.flatMap((rule, m) => (rule.name === name ? [m] : []));
  if (places.length > 1) return n !== places[0];
  return name !== "unsafe" && classes.length === 1 && classes[0] === name;
}

function ruleLines(rule, ofClass) {
  const lines = [`[${ofClass ? "classes" : "sums"}.${quoted(rule.name)}]`];
  if (!ofClass) lines.push(`classes = [${rule.classes.map(quoted).join(", ")}]`);
  for (const what of ["review", "block"]) {
    if (rule[what] !== null) lines.push(`${what} = ${rule[what]}`);
  }
  return lines;
}

/** A string of TOML: JSON's escapes are among its own, but for DEL. */
const quoted = (text) => JSON.stringify(text).replace(/\u007f/g, "\\u007F");
