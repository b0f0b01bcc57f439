export type Decision = "allow" | "review" | "block";

/** Thresholds in 0..1 on the summed probability of some classes; null is no threshold. */
export interface Rule {
  readonly name: string;
  readonly classes: readonly string[];
  readonly review?: number | null;
  readonly block?: number | null;
}

export interface Policy {
  readonly name: string;
  readonly rules: readonly Rule[];
}

export interface Verdict {
  /** null: the policy has no rule for any class of the model. */
  decision: Decision | null;
  reason: string;
  /** null: the scores have none of the classes that the policy calls unsafe. */
  unsafe: number | null;
}

/** The most severe decision of all rules, and why. `scores` holds all classes of the model. */
export function decide(policy: Policy, scores: Readonly<Record<string, number>>): Verdict;

/** The summed probability of the classes that the policy calls unsafe. */
export function unsafeScore(
  policy: Policy,
  scores: Readonly<Record<string, number>>,
): number | null;
