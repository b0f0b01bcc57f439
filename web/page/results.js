// The list of results: counted, filtered, sorted, and drawn a part at a time.

import { at, make, onceAFrame, put } from "./dom.js";
import { hideAll } from "./picture.js";
import { Row } from "./row.js";
import { labelOf, verdictOn } from "./verdict.js";
import { number, say } from "./words.js";

const PART = 60; // rows that are added at a time
const FILTERS = ["all", "block", "review", "allow", "none", "failed", "waiting"];
const ALWAYS = new Set(["all", "block", "review", "allow"]);

/** Shows the store's items. */
export class Results {
  #store;
  #acts;
  #rows = new Map();
  #verdicts = new WeakMap();
  #shown = PART;
  #sight = new IntersectionObserver((seen) => this.#seen(seen), { rootMargin: "200px" });
  #draw = onceAFrame(() => this.#drawNow());
  #chips = new Map();

  constructor(store, acts) {
    this.#store = store;
    this.#acts = acts;
    for (const name of FILTERS) this.#addChip(name);
    for (const event of ["items", "item", "choices"]) store.addEventListener(event, this.#draw);
    at("more").addEventListener("click", () => this.#more());
    at("reveal").addEventListener("change", () => this.#reveal());
  }

  /** The verdict on an item, which is worked out once for each policy. */
  verdict(item) {
    const { policy } = this.#store.choices;
    const last = this.#verdicts.get(item);
    if (last && last.version === item.version && last.policy === policy) return last.verdict;
    const verdict = verdictOn(item, policy);
    this.#verdicts.set(item, { version: item.version, policy, verdict, drawn: null });
    return verdict;
  }

  /** How many items come to each filter. */
  counts() {
    const counts = Object.fromEntries(FILTERS.map((name) => [name, 0]));
    for (const item of this.#store.items.values()) {
      for (const name of this.#filtersOf(item)) counts[name]++;
    }
    return counts;
  }

  /** Blur everything, the switch included. */
  leave() {
    at("reveal").checked = false;
    hideAll();
  }

  /** Draw it anew in the language that is spoken. */
  speak() {
    for (const row of this.#rows.values()) row.stale = true;
    this.#draw();
  }

  #addChip(name) {
    const word = make("span", { class: "chip-word" });
    const count = make("span", { class: "chip-count" });
    const chip = make("button", { type: "button", class: "chip", "data-filter": name }, word, count);
    chip.addEventListener("click", () => {
      this.#shown = PART;
      this.#store.choose({ filter: name });
    });
    this.#chips.set(name, { chip, word, count });
    at("counts").append(chip);
  }

  #filtersOf(item) {
    const verdict = this.verdict(item);
    if (!verdict) return ["all", "waiting"];
    const of = ["all", verdict.decision ?? "none"];
    return item.state === "failed" ? [...of, "failed"] : of;
  }

  #drawNow() {
    const some = this.#store.items.size > 0;
    for (const id of ["results-tools", "results-bar"]) at(id).hidden = !some;
    this.#drawCounts();
    this.#drawClasses();
    const found = this.#found();
    at("none").hidden = found.length > 0;
    put(at("none"), say(some ? "none_found" : "none"));
    const part = found.slice(0, this.#shown);
    this.#place(part);
    const left = found.length - part.length;
    at("more").hidden = !left;
    put(at("more"), say("more", { n: number(Math.min(PART, left)), all: number(left) }));
  }

  #drawCounts() {
    const counts = this.counts();
    const { filter } = this.#store.choices;
    at("counts").setAttribute("aria-label", say("filters"));
    for (const [name, { chip, word, count }] of this.#chips) {
      put(word, say(`count_${name}`));
      put(count, number(counts[name]));
      chip.setAttribute("aria-pressed", String(filter === name));
      chip.hidden = !ALWAYS.has(name) && !counts[name] && filter !== name;
    }
  }

  #drawClasses() {
    const labels = new Set();
    for (const item of this.#store.items.values()) {
      for (const label of Object.keys(this.verdict(item)?.scores ?? {})) labels.add(label);
    }
    const names = ["", ...[...labels].sort()];
    const select = at("filter-class");
    const told = `${names.join()} ${say("any")}`;
    if (select.dataset.told === told) return;
    select.dataset.told = told;
    select.replaceChildren(...names.map((name) => make("option", { value: name, text: name || say("any") })));
    select.value = names.includes(this.#store.choices.label) ? this.#store.choices.label : "";
  }

  #found() {
    const { filter, label, sort } = this.#store.choices;
    const found = [...this.#store.items.values()].filter((item) =>
      this.#filtersOf(item).includes(filter) && (!label || labelOf(this.verdict(item)?.scores ?? {}) === label));
    return sort === "added" ? found : found.sort((a, b) => this.#compare(sort, a, b) || a.id - b.id);
  }

  #compare(sort, a, b) {
    if (sort === "name") return a.name.localeCompare(b.name, undefined, { numeric: true });
    const [one, other] = [a, b].map((item) => this.verdict(item)?.unsafe ?? null);
    // What has no score stands at the end either way.
    if (one === null || other === null) return (one === null) - (other === null);
    return sort === "unsafe" ? other - one : one - other;
  }

  /** Put these items' rows into the list, in this order, moving no more than is needed. */
  #place(items) {
    const list = at("list");
    const wanted = new Set(items.map((item) => item.id));
    for (const [id, row] of this.#rows) if (!wanted.has(id)) this.#drop(id, row);
    let before = list.firstElementChild;
    for (const item of items) {
      const { element } = this.#rowOf(item);
      if (element === before) before = before.nextElementSibling;
      else list.insertBefore(element, before);
    }
    list.classList.toggle("alone", this.#store.items.size === 1);
  }

  #rowOf(item) {
    const row = this.#rows.get(item.id) ?? this.#newRow(item);
    const verdict = this.verdict(item);
    const { policy, top } = this.#store.choices;
    if (row.stale || row.version !== item.version || row.verdict !== verdict || row.top !== top) {
      row.show(verdict, { policy, top });
      Object.assign(row, { stale: false, version: item.version, verdict, top });
      if (row.inSight) row.picture.sketch();
    }
    return row;
  }

  #newRow(item) {
    const row = new Row(item, this.#acts);
    row.element.dataset.id = item.id;
    this.#rows.set(item.id, row);
    this.#sight.observe(row.element);
    return row;
  }

  #drop(id, row) {
    row.picture.hide();
    this.#sight.unobserve(row.element);
    row.element.remove();
    this.#rows.delete(id);
  }

  #seen(entries) {
    for (const { target, isIntersecting } of entries) {
      const row = this.#rows.get(Number(target.dataset.id));
      if (!row) continue;
      row.inSight = isIntersecting;
      if (isIntersecting) row.picture.sketch();
      if (at("reveal").checked) isIntersecting ? row.picture.show() : row.picture.hide();
    }
  }

  #reveal() {
    if (!at("reveal").checked) return hideAll();
    for (const row of this.#rows.values()) if (row.inSight) row.picture.show();
  }

  #more() {
    const first = this.#shown;
    this.#shown += PART;
    this.#drawNow();
    at("list").children[first]?.querySelector("button")?.focus();
  }
}
