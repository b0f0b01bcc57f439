// What a threshold would do, from counts at 1,001 of them; and wide tables for the keyboard.
(() => {
  const source = document.getElementById("explorer-data");
  if (!source) return;
  const data = JSON.parse(source.textContent);
  const at = (name) => document.getElementById(`x-${name}`);
  const slider = at("threshold"), typed = at("number"), target = at("target"), base = at("base");
  const as = at("as");

  // Images at each threshold, summed from the highest down: those at or above it.
  const atOrAbove = (counts) => {
    const sums = counts.slice();
    for (let n = sums.length - 2; n >= 0; n--) sums[n] += sums[n + 1];
    return sums;
  };
  const targets = data.targets.map((one) => ({
    ...one, caught: atOrAbove(one.caught), alarms: atOrAbove(one.alarms),
    spread: [one.caught, one.alarms],
  }));

  const ratio = (part, whole) => (whole ? part / whole : NaN);
  // Wilson, 1927: z of the level, as the normal distribution has it.
  const z = data.z;
  const wilson = (hits, trials) => {
    if (!trials) return [NaN, NaN];
    const share = hits / trials, square = (z * z) / trials;
    const middle = share + square / 2;
    const reach = z * Math.sqrt((share * (1 - share)) / trials + square / (4 * trials));
    return [Math.max(0, (middle - reach) / (1 + square)), Math.min(1, (middle + reach) / (1 + square))];
  };

  const outcome = (one, step, rate) => {
    const caught = one.caught[step], alarms = one.alarms[step];
    const positives = one.caught[0], negatives = one.alarms[0];
    const recall = ratio(caught, positives), fpr = ratio(alarms, negatives);
    const precision = ratio(caught, caught + alarms);
    const there = 10000 * rate;
    const expected = there * recall, false_ = (10000 - there) * fpr;
    return {
      recall, fpr, precision, positives, negatives, flagged: caught + alarms, hits: caught, misses: alarms,
      caught: expected, missed: there - expected, alarms: false_, passed: 10000 - there - false_,
      expected: ratio(expected, expected + false_),
    };
  };

  const none = data.words.unknown;
  // Halves go to the even digit, as in the tables: toFixed takes them up.
  const fixed = (value, digits) => value.toLocaleString("en", {
    minimumFractionDigits: digits, maximumFractionDigits: digits, roundingMode: "halfEven",
  });
  const share = (value) => (Number.isNaN(value) ? none : `${fixed(100 * value, value && value < 0.1 ? 2 : 1)}%`);
  const number = (value) => {
    if (Number.isNaN(value)) return none;
    // A tenth of few, so that what is caught and what is missed sum to what there is.
    return fixed(value, value >= 100 || Number.isInteger(value) ? 0 : 1);
  };
  const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const put = (name, value, shown) => {
    at(name).value = Number.isNaN(value) ? "" : String(value);
    at(name).textContent = shown(value);
  };
  const between = (hits, trials) => {
    if (!trials) return "";
    const [low, high] = wilson(hits, trials).map((end) => fixed(100 * end, 1));
    const counted = filled(data.words.of, { part: number(hits), whole: number(trials) });
    return `(${low}-${high}) ${counted}`;
  };

  const step = () => Number(slider.value);
  const rate = () => Math.min(1, Math.max(0, Number(base.value) / 100 || 0));
  const chosen = () => targets[Number(target.value)];
  const written = (n) => (n / data.steps).toFixed(3);

  // The policy of the report, with the threshold in it; another one that it passes moves along.
  const policy = (found) => {
    const one = chosen(), value = step() / data.steps, moved = as.value;
    const rules = data.policy.rules.map((rule) => ({ ...rule }));
    let rule = rules.find((other) => other.table === one.table);
    if (!rule) rules.push((rule = { table: one.table, classes: "", review: null, block: null }));
    rule[moved] = value;
    if (rule.review !== null && rule.block !== null && rule.review > rule.block) rule.review = rule.block = value;
    const lines = [`# ${data.words.chosen}: ${one.table} ${moved} = ${value}`];
    lines.push(`# recall ${share(found.recall)}, false alarms ${share(found.fpr)}`);
    for (const line of data.policy.from) lines.push(`# ${line}`);
    lines.push("format = 1", 'name = "my-policy"', `version = ${data.policy.version}`);
    lines.push(`description = ${JSON.stringify(data.policy.description)}`);
    lines.push(`unreadable = "${data.policy.unreadable}"`);
    for (const other of rules) {
      lines.push("", other.table);
      if (other.classes) lines.push(`classes = ${other.classes}`);
      for (const name of ["review", "block"]) if (other[name] !== null) lines.push(`${name} = ${other[name]}`);
    }
    return lines.join("\n") + "\n";
  };

  const SVG = "http://www.w3.org/2000/svg";
  const shape = (kind, attributes) => {
    const one = document.createElementNS(SVG, kind);
    for (const [name, value] of Object.entries(attributes)) one.setAttribute(name, value);
    return one;
  };
  const BINS = 50, HALF = 116;
  const draw = () => {
    const one = chosen(), every = data.steps / BINS;
    const bins = one.spread.map((counts) => {
      const sums = Array(BINS).fill(0);
      counts.forEach((count, n) => (sums[Math.min(BINS - 1, Math.floor(n / every))] += count));
      return sums;
    });
    const parts = [];
    const shares = bins.map((sums) => {
      const all = sums.reduce((sum, count) => sum + count, 0);
      return sums.map((count) => ratio(count, all) || 0);
    });
    const most = Math.max(...shares.flat());
    shares.forEach((sums, below) => {
      sums.forEach((part, n) => {
        if (!part) return;
        const tall = HALF * Math.sqrt(part / most);
        parts.push(shape("rect", {
          x: n * 20 + 1, width: 18, y: below ? 121 : 119 - tall, height: tall, class: below ? "f-c0" : "f-c3",
        }));
      });
    });
    parts.push(shape("line", { x1: 0, x2: 1000, y1: 120, y2: 120, class: "s-ink", "stroke-width": 1 }));
    const place = (1000 * step()) / data.steps;
    parts.push(shape("line", { x1: place, x2: place, y1: 0, y2: 240, class: "s-ink", "stroke-width": 4 }));
    at("plot").replaceChildren(...parts);
  };

  let later = 0;
  const show = (keep) => {
    const one = chosen(), found = outcome(one, step(), rate());
    put("recall", found.recall, share);
    put("fpr", found.fpr, share);
    put("precision", found.precision, share);
    put("expected", found.expected, share);
    for (const name of ["caught", "missed", "alarms", "passed"]) put(name, found[name], number);
    at("recall-of").textContent = between(found.hits, found.positives);
    at("fpr-of").textContent = between(found.misses, found.negatives);
    at("precision-of").textContent = between(found.hits, found.flagged);
    at("policy").textContent = policy(found);
    at("copied").textContent = "";
    const said = filled(data.words.said, {
      threshold: written(step()), recall: share(found.recall), fpr: share(found.fpr),
      caught: number(found.caught), missed: number(found.missed), alarms: number(found.alarms),
    });
    slider.setAttribute("aria-valuetext", said);
    draw();
    if (!keep) return;
    // Told and kept when it has come to rest: a screen reader would stumble over each step.
    clearTimeout(later);
    later = setTimeout(() => {
      if (document.activeElement !== slider) at("said").textContent = said;
      const kept = new URLSearchParams({
        threshold: written(step()), target: one.name, base: base.value, as: as.value,
      });
      history.replaceState(null, "", `#${kept}`);
    }, 400);
  };

  const move = (value) => {
    const bounded = Math.min(data.steps, Math.max(0, Math.round(value)));
    slider.value = String(bounded);
    typed.value = written(bounded);
  };
  // The lowest threshold with few enough false alarms, the highest with recall enough.
  const go = (wanted) => {
    const [kind, aim] = wanted.split(" "), one = chosen();
    const steps = [...Array(data.steps + 1).keys()];
    const reached = kind === "fpr"
      ? steps.find((n) => ratio(one.alarms[n], one.alarms[0]) <= Number(aim))
      : steps.findLast((n) => ratio(one.caught[n], one.caught[0]) >= Number(aim));
    if (reached !== undefined) move(reached);
  };
  const restore = () => {
    const kept = new URLSearchParams(location.hash.slice(1));
    if (!kept.has("threshold")) return false;
    const number_ = targets.findIndex((one) => one.name === kept.get("target"));
    if (number_ >= 0) target.value = String(number_);
    if (Number(kept.get("base")) >= 0) base.value = kept.get("base");
    if (["review", "block"].includes(kept.get("as"))) as.value = kept.get("as");
    move(data.steps * (Number(kept.get("threshold")) || 0));
    show(false);
    return true;
  };

  slider.addEventListener("input", () => { move(step()); show(true); });
  // Left and right move by the smallest step; page keys by a tenth, also where a browser has another way.
  slider.addEventListener("keydown", (event) => {
    const by = { PageUp: 100, PageDown: -100 }[event.key];
    if (!by) return;
    event.preventDefault();
    move(step() + by);
    show(true);
  });
  typed.addEventListener("change", () => { move(data.steps * (Number(typed.value) || 0)); show(true); });
  for (const one of [target, base, as]) one.addEventListener("input", () => show(true));
  at("go").addEventListener("change", (event) => {
    if (event.target.value) go(event.target.value);
    event.target.value = "";
    show(true);
  });
  at("copy").addEventListener("click", async () => {
    getSelection().selectAllChildren(at("policy"));
    try {
      await navigator.clipboard.writeText(at("policy").textContent);
    } catch {
      document.execCommand("copy"); // where the clipboard is kept from files; what is selected stays so
    }
    at("copied").textContent = data.words.copied;
  });
  addEventListener("hashchange", restore);
  document.querySelector("form.moved").addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("explorer-tool").hidden = false;
  if (restore()) document.getElementById("explorer").scrollIntoView();
  else show(false);
})();

(() => {
  // A table that is wider than its place can be moved by keys once it can have the focus.
  const reach = () => {
    for (const one of document.querySelectorAll(".scroll")) {
      const wide = one.scrollWidth > one.clientWidth;
      const titles = [one.closest("section")?.querySelector("h2"), one.querySelector("caption")];
      if (!wide) {
        for (const name of ["tabindex", "role", "aria-label"]) one.removeAttribute(name);
      } else {
        one.tabIndex = 0;
        one.setAttribute("role", "region");
        one.setAttribute("aria-label", titles.map((title) => title?.textContent ?? "").join(": "));
      }
    }
  };
  addEventListener("resize", reach);
  reach();
})();
