// The policy: which one, and its thresholds as sliders that change all results at once.

import { at, make, put } from "./dom.js";
import { copyOf, changes, moved, tagOf } from "./thresholds.js";
import { say, sayFor } from "./words.js";

const THRESHOLDS = ["review", "block"];
const STEP = 0.005;
const FIRST = { review: 0.5, block: 0.9 }; // of a threshold that is switched on

/** The picker of policies and the sliders. */
export class Rules {
  #store;
  #policies;
  #controls = [];

  constructor(store, policies) {
    this.#store = store;
    this.#policies = policies;
    const options = policies.map(({ name, tag }) => make("option", { value: name, text: tag }));
    at("policy").replaceChildren(...options);
    at("policy").addEventListener("change", () => this.choose(at("policy").value));
    at("policy-reset").addEventListener("click", () => this.choose(this.original.name));
  }

  /** The policy as the site gives it. */
  get original() {
    return this.#policies.find(({ name }) => name === this.#store.choices.policy.name);
  }

  /** Whether a threshold was moved. */
  get changed() {
    return changes(this.#store.choices.policy, this.original).length > 0;
  }

  /** What results call the policy: with what was changed of it. */
  get tag() {
    return tagOf(this.#store.choices.policy, this.original);
  }

  /** Take a policy, as the site gives it. */
  choose(name) {
    const policy = this.#policies.find((one) => one.name === name) ?? this.#policies[0];
    this.#store.choose({ policy: copyOf(policy) });
    at("policy").value = policy.name;
    this.show();
  }

  /** Show it, in the language that is spoken. `labels` are the model's classes, if it is known. */
  show(labels = this.labels) {
    this.labels = labels;
    const { policy } = this.#store.choices;
    put(at("policy-what"), sayFor(`policy_${policy.name}`, policy.description));
    this.#controls = policy.rules.flatMap((rule, n) => THRESHOLDS.map((what) => this.#control(rule, n, what)));
    at("rules").replaceChildren(...policy.rules.map((rule, n) => this.#group(rule, n)));
    this.#refresh();
  }

  #group(rule, n) {
    const own = rule.classes.filter((name) => !this.labels || this.labels.includes(name));
    const classes = own.length ? own.join(" + ") : say("rule_absent");
    const legend = make("legend", { text: say("rule", { name: rule.name, classes }) });
    return make("fieldset", {}, legend, ...this.#controls.slice(2 * n, 2 * n + 2).map((one) => one.element));
  }

  /** `n` is the rule's place: a sum and a class may have one name. */
  #control(rule, n, what) {
    const spoken = { rule: rule.name, what: say(`decision_as_noun_${what}`) };
    // What is read out begins with what is seen: people who speak to the page say what they see.
    const named = say("rule_use", { label: say(`rule_${what}`), rule: rule.name });
    const use = make("input", { type: "checkbox", autocomplete: "off", "aria-label": named });
    const range = { min: 0, max: 1, autocomplete: "off" };
    const slide = make("input", { ...range, type: "range", step: STEP, "aria-label": say("rule_slide", spoken) });
    const typed = make("input", { ...range, type: "number", step: "any", "aria-label": say("rule_number", spoken) });
    const label = make("label", { class: "rule-use" }, use, make("span", { text: say(`rule_${what}`), "aria-hidden": "true" }));
    const id = `${rule.name}-${what}`;
    for (const [one, kind] of [[use, "use"], [slide, "slide"], [typed, "number"]]) one.dataset.rule = `${id}-${kind}`;
    const move = (value) => this.#move(n, what, value);
    use.addEventListener("change", () => move(use.checked ? (this.original.rules[n][what] ?? FIRST[what]) : null));
    slide.addEventListener("input", () => move(Number(slide.value)));
    typed.addEventListener("change", () => {
      if (typed.value === "") this.#refresh(); // what is no number, or was wiped out, changes nothing
      else move(Math.min(1, Math.max(0, Number(typed.value))));
    });
    return { n, what, use, slide, typed, element: make("div", { class: "rule" }, label, slide, typed) };
  }

  #move(n, what, value) {
    this.#store.choose({ policy: moved(this.#store.choices.policy, n, what, value) });
    this.#refresh();
  }

  /** Set the controls to the policy, without making them anew: one of them has the focus. */
  #refresh() {
    const { policy } = this.#store.choices;
    for (const { n, what, use, slide, typed } of this.#controls) {
      const value = policy.rules[n][what];
      use.checked = value !== null;
      slide.disabled = typed.disabled = value === null;
      slide.value = String(value ?? 1);
      slide.setAttribute("aria-valuetext", value === null ? "" : String(value));
      typed.value = value === null ? "" : String(value);
    }
    at("policy-reset").disabled = !this.changed;
  }
}
