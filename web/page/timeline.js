// A film's frames over time: a chart that is clicked, or moved over by keys as a slider is.

import { make, put, shape } from "./dom.js";
import { tenths } from "./verdict.js";
import { say, share } from "./words.js";

const WIDE = 1000;
const HIGH = 120;
const STEPS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 4, PageDown: -4, Home: -1e9, End: 1e9 };

/** A chart that is made once for an item, and drawn as verdicts change. */
export class Timeline {
  #chart = shape("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", role: "slider", tabindex: 0 });
  #where = make("span");
  #worst = make("button", { type: "button", class: "small" });
  #what = make("p", { class: "note" });
  #frames = [];
  #at = null;
  #chosen = null;
  #onChoice;
  element = make(
    "div", { class: "timeline" }, this.#chart,
    make("div", { class: "timeline-says" }, this.#where, this.#worst), this.#what,
  );

  /** @param {(frame: number) => void} onChoice called when a person chooses a frame */
  constructor(onChoice) {
    this.#onChoice = onChoice;
    this.#chart.addEventListener("keydown", (event) => this.#key(event));
    this.#chart.addEventListener("pointerdown", (event) => this.#point(event));
    this.#chart.addEventListener("pointermove", (event) => event.buttons && this.#point(event));
    this.#worst.addEventListener("click", () => this.#choose(this.#at));
  }

  /** The frame that is looked at: the worst, unless a person has chosen another. */
  get chosen() {
    return Math.min(this.#chosen ?? this.#at ?? 0, this.#frames.length - 1);
  }

  /**
   * @param {string} name of the item
   * @param verdict of verdict.js, on frames
   * @param {Array<[string, number]>} lines thresholds on the unsafe score: "review" or "block", 0..1
   * @param {string} doubt what is to be said of a part that could not be looked at, or ""
   */
  show(name, verdict, lines, doubt) {
    this.#frames = verdict.frames;
    this.#at = verdict.at;
    this.#chart.setAttribute("aria-label", say("timeline", { name }));
    put(this.#worst, say("to_worst"));
    put(this.#what, [say("timeline_what", { n: this.#frames.length }), doubt].filter(Boolean).join(" "));
    this.#draw(lines);
    this.#say();
  }

  #draw(lines) {
    const ends = this.#ends();
    const parts = this.#frames.map(({ unsafe, decision }, n) => {
      const tall = Math.max(3, HIGH * (unsafe ?? 0));
      const [from, to] = [ends[n], ends[n + 1]];
      return shape("rect", {
        x: from + 1, width: Math.max(1, to - from - 2), y: HIGH - tall, height: tall, class: `frame-${decision ?? "none"}`,
      });
    });
    for (const [what, value] of lines) {
      const y = HIGH * (1 - value);
      parts.push(shape("line", { x1: 0, x2: WIDE, y1: y, y2: y, class: `line-${what}` }));
    }
    const [from, to] = [ends[this.chosen], ends[this.chosen + 1]];
    parts.push(shape("rect", { x: from, width: to - from, y: 0, height: HIGH, class: "frame-chosen" }));
    this.#chart.replaceChildren(...parts);
  }

  /** Where each frame begins, and the last one ends: between its time and those beside it. */
  #ends() {
    const times = this.#frames.map((one) => one.seconds);
    const last = times.at(-1);
    if (!(last > 0)) return times.map((_, n) => (WIDE * n) / times.length).concat(WIDE);
    const middles = times.slice(1).map((time, n) => (WIDE * (time + times[n])) / 2 / last);
    return [0, ...middles, WIDE];
  }

  #say() {
    const n = this.chosen;
    const { seconds, unsafe, decision } = this.#frames[n];
    const values = { n: n + 1, all: this.#frames.length, seconds: tenths(seconds) };
    const shown = say("frame_shown", values);
    put(this.#where, n === this.#at ? `${shown} (${say("frame_worst")})` : shown);
    this.#worst.hidden = n === this.#at;
    for (const [name, value] of [["min", 1], ["max", this.#frames.length], ["now", n + 1]]) {
      this.#chart.setAttribute(`aria-value${name}`, value);
    }
    const spoken = { share: unsafe === null ? "-" : share(unsafe), decision: say(`decision_${decision ?? "none"}`) };
    this.#chart.setAttribute("aria-valuetext", say("frame_said", { ...values, ...spoken }));
  }

  #key(event) {
    const by = STEPS[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.#choose(this.chosen + by);
  }

  #point(event) {
    const box = this.#chart.getBoundingClientRect();
    const x = (WIDE * (event.clientX - box.left)) / box.width;
    this.#choose(this.#ends().slice(1).findIndex((end) => x <= end));
  }

  #choose(frame) {
    this.#chosen = Math.min(this.#frames.length - 1, Math.max(0, frame));
    this.#onChoice(this.chosen);
  }
}
