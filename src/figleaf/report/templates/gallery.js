
// The cards: some at a time, chosen and ordered. Text is set as text; nothing here is parsed as HTML.
(() => {
  const PAGE = 60;
  const said = document.getElementById("gallery").dataset;
  const rows = document.getElementById("rows").textContent.split("\n").filter(Boolean)
    .map((line) => JSON.parse(line));
  const list = document.getElementById("cards");
  const [kind, label, order, name] = ["kind", "label", "sort", "name"]
    .map((one) => document.getElementById(`g-${one}`));
  const turns = [...document.querySelectorAll("[data-turn]")];
  let chosen = rows, first = 0;

  const make = (tag, properties = {}, ...inner) => {
    const element = document.createElement(tag);
    Object.assign(element, properties);
    element.append(...inner);
    return element;
  };
  const draw = (tag, attributes, ...inner) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...inner);
    return element;
  };
  const percent = (score) => `${(100 * score).toFixed(1)}%`;

  const frame = (row) => {
    if (!row.mosaic) return make("span", { className: "frame problem", textContent: row.problem });
    const mosaic = make("img", { className: "mosaic", src: row.mosaic, alt: said.mosaic });
    if (!row.file) return make("span", { className: "frame" }, mosaic);
    const button = make("button", { type: "button", className: "frame" }, mosaic);
    button.dataset.file = row.file;
    if (row.frames.length) button.dataset.film = "";
    button.setAttribute("aria-pressed", "false");
    button.setAttribute("aria-label", said.reveal.replace("{name}", () => row.name));
    return button;
  };
  const bar = ([text, score, colour]) => {
    const drawn = draw("svg", { class: "score", viewBox: "0 0 100 8", preserveAspectRatio: "none" },
      draw("rect", { width: 100, height: 8, class: "f-grid" }),
      draw("rect", { width: 100 * score, height: 8, class: `f-c${colour}` }));
    const cell = make("td", {}, drawn);
    cell.setAttribute("aria-hidden", "true");
    return make("tr", {}, make("th", { scope: "row", textContent: text, title: text }), cell,
      make("td", { className: "n", textContent: percent(score) }));
  };
  const strip = (row) => draw("svg",
    { class: "strip", viewBox: "0 0 100 20", preserveAspectRatio: "none", role: "img", "aria-label": row.said },
    ...row.frames.map(([x, width, unsafe, colour]) => draw("rect",
      { x, width, y: 20 - Math.max(1, 20 * unsafe), height: Math.max(1, 20 * unsafe), class: `f-c${colour}` })));

  const card = (row) => {
    const verdict = make("p", { className: "verdict" });
    if (row.decision) verdict.append(make("b", { textContent: row.decision }));
    if (row.unsafe !== null) verdict.append(make("span", { textContent: `${said.unsafe} ${row.unsafe.toFixed(3)}` }));
    const body = make("div", {}, verdict, make("p", { className: "why", textContent: row.reason }));
    if (row.scores.length) body.append(make("table", { className: "bars" }, make("tbody", {}, ...row.scores.map(bar))));
    if (row.frames.length) body.append(strip(row), make("p", { className: "why", textContent: row.said }));
    for (const deed of row.deeds) body.append(make("p", { className: "deeds", textContent: deed }));
    return make("li", { className: `card ${row.decision}` }, frame(row), body,
      make("code", { className: "name", textContent: row.name }));
  };

  const show = () => {
    const last = Math.min(first + PAGE, chosen.length);
    list.replaceChildren(...chosen.slice(first, last).map(card));
    const number = (one) => one.toLocaleString("en");
    const text = chosen.length
      ? said.range.replace("{first}", number(first + 1)).replace("{last}", number(last)).replace("{count}", number(chosen.length))
      : said.nothing;
    document.querySelectorAll(".range").forEach((one) => { one.textContent = text; });
    for (const turn of turns) {
      turn.disabled = turn.dataset.turn < 0 ? first === 0 : last >= chosen.length;
    }
  };
  const orders = {
    unsafe: (a, b) => (b.unsafe ?? -1) - (a.unsafe ?? -1),
    name: (a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)),
  };
  const choose = () => {
    const part = name.value.toLowerCase();
    chosen = rows.filter((row) => (!kind.value || row.kind === kind.value)
      && (!label.value || row.label === label.value)
      && (!part || row.name.toLowerCase().includes(part)));
    if (order.value) chosen.sort(orders[order.value]);
    first = 0;
    show();
  };
  document.getElementById("choice").addEventListener("submit", (event) => event.preventDefault());
  for (const one of [kind, label, order]) one.addEventListener("change", choose);
  name.addEventListener("input", choose);
  for (const turn of turns) {
    turn.addEventListener("click", () => {
      first = Math.max(0, first + PAGE * Number(turn.dataset.turn));
      show();
      document.getElementById("gallery").scrollIntoView();
    });
  }
  show();
})();
