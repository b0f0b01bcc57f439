// The page: its parts, put together.

import { meaningOf } from "./bars.js";
import { Camera } from "./camera.js";
import { at, make, put, save, tell } from "./dom.js";
import { openIntake } from "./intake.js";
import { judgeHere } from "./judge.js";
import { keep, kept } from "./kept.js";
import { Models } from "./models.js";
import { keepModel, keptModels, leaveOffline, openOffline, sayReplaced, speakOffline } from "./offline.js";
import { Progress } from "./progress.js";
import { asCSV, asJSON, recordOf } from "./records.js";
import { Results } from "./results.js";
import { Rules } from "./rules.js";
import { Server } from "./server.js";
import { ModelPicker } from "./settings.js";
import { readSite, within } from "./site.js";
import { Store } from "./store.js";
import { copyOf, policyFile } from "./thresholds.js";
import { Wait, Work } from "./work.js";
import { fill, LANGUAGES, language, number, say, speak } from "./words.js";

const AT_ONCE = { browser: 2, server: 4 }; // one is decoded while another is computed

speak(LANGUAGES.includes(kept("language")) ? kept("language") : navigator.language.slice(0, 2));
dress(kept("theme") ?? "auto");
applyWords();

let site;
try {
  site = await readSite();
} catch (error) {
  put(at("model-state"), say("no_models"));
  throw error;
}

if (!site.models.length) {
  // The browser has kept this page; the server gives out no models any more, and has another page for that.
  put(at("model-state"), say("no_models"));
  await leaveOffline();
  throw new Error("the site has no models");
}
// First of all: should a kept page fail with a list that is newer than itself, it is replaced all the same.
openOffline(site, replaced);

const preferred = site.models.find(({ name }) => name === kept("model")) ?? site.models.find((one) => one.default) ?? site.models[0];
const policyCalled = (wanted) => site.policies.find(({ name }) => name === wanted);
const first = policyCalled(kept("policy")) ?? policyCalled(preferred.policy) ?? policyCalled(site.default_policy);
const store = new Store({ policy: copyOf(first), filter: "all", label: "", sort: "added", top: 5, server: false });
const models = new Models();
const server = new Server(site.server ? within(site.server) : "");
const work = new Work(store, judge, width);
const results = new Results(store, { remove, again });
const progress = new Progress(store, work, results, waitsFor);
const rules = new Rules(store, site.policies);
const picker = new ModelPicker(site, models, chooseModel);
const camera = new Camera(models, store, (name, file) => take([{ name, file }], 0));

/** The entry of models/index.json that is chosen. */
const entry = () => site.models.find(({ name }) => name === at("model").value);

function width() {
  if (store.choices.server) return server.wanted ? 0 : AT_ONCE.server;
  return models.model ? AT_ONCE.browser : 0;
}

function waitsFor() {
  if (store.choices.server) return server.wanted ? "key" : null;
  return models.model ? null : "model";
}

function judge(item, wanted) {
  if (store.choices.server) return server.judge(item, entry().name, wanted);
  if (!models.model) throw new Wait();
  return judgeHere(item, models.model, wanted);
}

// What a person does.

function take(files, leftOut) {
  store.add(files);
  if (!store.choices.server && models.state === "none") models.use(entry());
  const told = [say("taken", { n: number(files.length) })];
  if (leftOut) told.push(say("left_out", { n: number(leftOut) }));
  note(leftOut ? told.join(". ") : "");
  tell(told.join(". "));
}

function note(text) {
  put(at("taken"), text);
  at("taken").hidden = !text;
}

function remove(item) {
  const row = document.activeElement?.closest(".card");
  const next = row?.nextElementSibling ?? row?.previousElementSibling;
  store.remove(item);
  tell(say("removed", { name: item.name }));
  (next?.querySelector(".remove") ?? at("choose")).focus();
}

function again(item) {
  store.change(item, { state: "waiting", outcome: null });
  work.go();
}

/** Another tab has gone on to a newer version. With nothing to lose this one does so too. */
function replaced() {
  if (!store.items.size && at("camera").hidden && !rules.changed) return location.reload();
  models.stay();
  picker.show();
  return sayReplaced();
}

function chooseModel(name) {
  keep("model", name);
  at("model").value = name;
  // As the model suggests, where nobody has chosen or moved anything.
  if (!kept("policy") && !rules.changed) rules.choose(entry().policy);
  rules.show(entry().labels);
  store.forgetOutcomes();
  if (!store.choices.server || models.state !== "none") models.use(entry());
  picker.show();
}

function chooseServer(yes) {
  store.choose({ server: yes });
  server.leave();
  store.forgetOutcomes();
  if (!yes && models.state === "none") models.use(entry());
  showServer();
  work.go();
}

function showServer() {
  const { server: yes } = store.choices;
  put(document.querySelector("#drop .note"), say(yes ? "private_server" : "private"));
  document.querySelector("#drop .note").classList.toggle("care", yes);
  at("server-key").hidden = !(yes && (server.wanted || server.key));
  picker.show(yes);
}

function records() {
  const { policy } = store.choices;
  return [...store.items.values()].map((item) => recordOf(item, policy, rules.tag)).filter(Boolean);
}

// Words, looks.

function applyWords() {
  document.documentElement.lang = language();
  at("language").value = language();
  fill(document);
}

function speakAnew() {
  applyWords();
  fillClasses();
  picker.fill(at("model").value);
  rules.show();
  results.speak();
  camera.speak();
  showServer();
  progress.show();
  speakOffline();
  put(at("version"), say("version", { version: site.version }));
  note("");
}

function fillClasses() {
  const labels = [...new Set(site.models.flatMap((one) => one.labels))];
  at("classes").replaceChildren(...labels.flatMap((name) => [make("dt", { text: name }), make("dd", { text: meaningOf(name) })]));
}

function dress(theme) {
  at("theme").value = theme;
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

// Wiring.

openIntake(take, (text) => {
  note(text);
  tell(text);
});
models.addEventListener("change", () => {
  progress.show();
  if (models.state !== "ready") return;
  rules.show(models.model.labels);
  work.wake();
  keepModel(site, models.entry, models.model.backend);
});
server.addEventListener("change", () => {
  showServer();
  progress.show();
  if (server.wanted) tell(say("server_key_wanted"));
  else work.go();
});
at("camera-open").addEventListener("click", () => models.state === "none" && models.use(entry()));
at("language").addEventListener("change", () => {
  speak(at("language").value);
  keep("language", language());
  speakAnew();
});
at("theme").addEventListener("change", () => {
  keep("theme", at("theme").value);
  dress(at("theme").value);
});
at("policy").addEventListener("change", () => keep("policy", at("policy").value));
at("policy-save").addEventListener("click", () =>
  save(`${store.choices.policy.name}.toml`, "application/toml", policyFile(store.choices.policy, rules.original)));
at("server").addEventListener("change", () => chooseServer(at("server").checked));
at("server-key").addEventListener("submit", (event) => {
  event.preventDefault();
  server.use(at("key").value.trim());
});
at("filter-class").addEventListener("change", () => store.choose({ label: at("filter-class").value }));
at("sort").addEventListener("change", () => store.choose({ sort: at("sort").value }));
at("top").addEventListener("change", () => store.choose({ top: at("top").value === "all" ? Infinity : Number(at("top").value) }));
at("save-csv").addEventListener("click", () => save("figleaf.csv", "text/csv", asCSV(records())));
at("save-json").addEventListener("click", () => save("figleaf.json", "application/json", asJSON(records())));
at("clear").addEventListener("click", () => {
  store.clear();
  server.leave();
  work.go();
  note("");
  tell(say("cleared"));
  at("choose").focus();
});
at("about-link").addEventListener("click", () => {
  at("about").open = true;
});

// Whoever leaves, or presses Escape, leaves nothing to see.
function leave() {
  results.leave();
  camera.leave();
}
addEventListener("keydown", (event) => event.key === "Escape" && leave());
addEventListener("pagehide", leave);
addEventListener("beforeprint", leave);
document.addEventListener("visibilitychange", () => document.hidden && leave());

// Begin.

at("top").value = "5";
at("sort").value = "added";
for (const id of ["server", "reveal"]) at(id).checked = false;
if (matchMedia("(max-width: 60rem)").matches) at("settings-fold").open = false;
at("server-setting").hidden = !site.server;
picker.fill(preferred.name);
rules.choose(first.name);
rules.show(preferred.labels);
speakAnew();
if (navigator.connection?.saveData) picker.show();
else models.use(preferred);

/** Without a network the models that were never used cannot be had. */
async function markAway() {
  const there = navigator.onLine === false ? await keptModels(site) : null;
  picker.setAway(new Set(there ? site.models.map(({ name }) => name).filter((name) => !there.has(name)) : []));
}
addEventListener("online", markAway);
addEventListener("offline", markAway);
markAway();
