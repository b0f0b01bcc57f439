// One result: its picture, its name, the verdict, bars, and of a film the timeline.

import { Badge } from "./badge.js";
import { Bars } from "./bars.js";
import { Detail } from "./detail.js";
import { make, put } from "./dom.js";
import { Picture } from "./picture.js";
import { Timeline } from "./timeline.js";
import { ranked, tenths } from "./verdict.js";
import { say, sayIfAny } from "./words.js";

const TRASH = "×";

/** The row of an item. `acts` are what its buttons do: remove(item), again(item). */
export class Row {
  #item;
  #acts;
  #badge = new Badge();
  #bars = new Bars();
  #name = make("h3", { class: "name" });
  #reason = make("p", { class: "reason" });
  #detail = new Detail();
  #meanings = make("button", { type: "button", class: "small", "aria-expanded": "false" });
  #again = make("button", { type: "button", class: "small" });
  #remove = make("button", { type: "button", class: "remove", text: TRASH });
  #timeline = null;
  #body;
  #last = {};

  constructor(item, acts) {
    this.#item = item;
    this.#acts = acts;
    this.picture = new Picture(item);
    this.#body = make(
      "div", { class: "card-body" },
      make("div", { class: "card-head" }, this.#name, this.#badge.element),
      this.#bars.element, this.#reason, this.#detail.element,
      make("div", { class: "card-acts" }, this.#meanings, this.#again),
    );
    this.element = make("li", { class: "card" }, this.picture.element, this.#body, this.#remove);
    this.#name.textContent = item.name;
    this.#name.title = item.name;
    this.#remove.addEventListener("click", () => acts.remove(item));
    this.#again.addEventListener("click", () => acts.again(item));
    this.#meanings.addEventListener("click", () => this.#toggleMeanings());
  }

  /** Show what is known. `view` is {policy, top, language}; nothing is touched where nothing has changed. */
  show(verdict, view) {
    this.#last = { verdict, view };
    const { state } = this.#item;
    this.element.dataset.state = state;
    this.#speak();
    this.#showBadge(verdict);
    this.#showBars(verdict, view);
    put(this.#reason, this.#reasonFor(verdict));
    this.#detail.show(othersWords(this.#item.outcome));
    this.#again.hidden = !["server", "error", "not_found", "unreadable", "timeout"].includes(this.#item.outcome?.status);
    this.picture.setAbsent(state === "failed" && !this.#item.kind && this.#item.outcome.from === "browser");
  }

  #speak() {
    const { name } = this.#item;
    this.picture.speak();
    this.#remove.setAttribute("aria-label", say("remove", { name }));
    this.#remove.title = say("remove", { name });
    put(this.#meanings, say("meanings"));
    this.#meanings.setAttribute("aria-label", say("meanings_of", { name }));
    put(this.#again, say("again"));
    this.#again.setAttribute("aria-label", say("again_of", { name }));
  }

  #showBadge(verdict) {
    if (verdict) this.#badge.show(verdict.decision ?? "none");
    else this.#badge.show("waiting", say(this.#item.state === "working" ? "working" : "waiting"));
  }

  #showBars(verdict, view) {
    const frames = verdict?.frames.length ? verdict.frames : null;
    if (frames) this.#showTimeline(verdict, view);
    else this.#dropTimeline();
    const scores = frames ? frames[this.#timeline.chosen].scores : (verdict?.scores ?? {});
    const pairs = ranked(scores).slice(0, view.top);
    this.#bars.show(pairs, this.#meanings.getAttribute("aria-expanded") === "true");
    this.#bars.element.hidden = this.#meanings.hidden = !pairs.length;
  }

  #showTimeline(verdict, { policy }) {
    if (!this.#timeline) {
      this.#timeline = new Timeline(() => this.#chose());
      this.#bars.element.before(this.#timeline.element);
      this.picture.redraw();
    }
    const rule = policy.rules.find(({ name }) => name === "unsafe");
    const lines = ["review", "block"].filter((what) => rule && rule[what] !== null).map((what) => [what, rule[what]]);
    const { unseen } = this.#item.outcome;
    const least = say(`decision_${policy.unreadable}`);
    const doubt = unseen === null ? "" : say("timeline_unseen", { seconds: tenths(unseen), least });
    this.#timeline.show(this.#item.name, verdict, lines, doubt);
    this.picture.at(verdict.frames[this.#timeline.chosen].seconds);
  }

  #dropTimeline() {
    this.#timeline?.element.remove();
    this.#timeline = null;
  }

  #chose() {
    this.show(this.#last.verdict, this.#last.view);
  }

  #reasonFor(verdict) {
    if (!verdict) return "";
    const { outcome } = this.#item;
    if (outcome.status !== "ok") return problemOf(outcome);
    const reason = this.#comparison(verdict);
    const frames = verdict.frames;
    const where = frames.length
      ? say("reason_at", { reason, seconds: tenths(frames[verdict.at].seconds), n: frames.length })
      : reason;
    return say(outcome.from === "server" ? "by_server" : "by_model", { reason: where, model: outcome.model });
  }

  #comparison({ decision, reason }) {
    if (decision === null) return say("no_rule");
    const { listed } = this.#item.outcome;
    const [, kind, list] = (listed && /^(allow|block) list (.*)$/.exec(reason)) ?? [];
    return kind ? say(`listed_${kind}`, { list }) : reason;
  }

  #toggleMeanings() {
    const open = this.#meanings.getAttribute("aria-expanded") !== "true";
    this.#meanings.setAttribute("aria-expanded", String(open));
    this.show(this.#last.verdict, this.#last.view);
  }
}

/** What went wrong, for people. */
function problemOf({ status, why, code, problem, from }) {
  if (status === "server") {
    const kind = why === null ? say("server_unreachable") : (sayIfAny(`problem_${problem}`) ?? say("problem_other"));
    return say("status_server", { why: kind });
  }
  const said = sayIfAny(`status_${status}_${from}`) ?? sayIfAny(`status_${status}`);
  if (status !== "error" && said) return said;
  return say("status_error", { why: sayIfAny(`code_${code}`) ?? say("code_other") });
}

/** What the library or the server said of a failure, if anything. */
function othersWords(outcome) {
  if (!outcome || outcome.status === "ok") return "";
  return outcome.code || outcome.from === "server" ? (outcome.why ?? "") : "";
}
