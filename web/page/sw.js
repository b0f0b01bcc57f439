// The service worker: gives the page from what it keeps, so that it works without a network.
//
// The page's files are kept for one build, all of them or none, and given from there alone: old and new
// are never mixed. The page registers this script as sw.js?build=BUILD, so that another build is another
// worker, which waits until the pages of the old one are closed, or a person asks for it.
// Models are kept when they were used, under the hash of their graph; a card is kept after its graph, so
// that what is kept without a network is never half a model.
//
// Keeping never stands in the way of giving: what there is no room for, or what is not what it should be,
// is given as it came and not kept. What finds a file answers {response, keeping}: a promise of the latter.

const BUILD = new URL(location.href).searchParams.get("build");
const ROOT = new URL("./", location.href).href;
const PAGES = `figleaf-page ${ROOT} `; // an origin may have several sites, each in a folder
const PAGE = PAGES + BUILD;
const MODELS = "figleaf-models";
const INDEX = `${ROOT}models/index.json`;
// Large, and only one of the two is ever used: kept when it was.
const LATER = /^ort\/.*\.wasm$/;

addEventListener("install", (event) => event.waitUntil(install()));
addEventListener("activate", (event) => event.waitUntil(activate()));
addEventListener("message", (event) => event.waitUntil(answer(event)));
addEventListener("fetch", (event) => {
  const asked = event.request;
  if (asked.method !== "GET" || !asked.url.startsWith(ROOT)) return;
  if (/^(v1|healthz|readyz|metrics|openapi\.json)(\/|$)/.test(pathOf(asked.url))) return;
  const found = find(asked);
  event.respondWith(found.then(({ response }) => response));
  event.waitUntil(found.then(({ keeping }) => keeping).catch(() => {}));
});

function find(asked) {
  const path = pathOf(asked.url);
  if (path === "models/index.json") return index();
  return /^models\/[^/]+\/[^/]+$/.test(path) ? ofModel(asked) : ofPage(asked);
}

/** The path within the site, without a query. */
function pathOf(url) {
  return new URL(url).href.slice(ROOT.length).replace(/[?#].*$/, "");
}

async function install() {
  const first = await fresh(INDEX);
  const { build, files } = await first.clone().json();
  if (build !== BUILD) throw new Error("the site has changed: the page registers its newer build");
  const cache = await caches.open(PAGE);
  const urls = files.filter((file) => !LATER.test(file)).map((file) => new URL(file, ROOT).href);
  const answers = await Promise.all(urls.map(fresh));
  const { build: after } = await (await fresh(INDEX)).json();
  if (after !== BUILD) throw new Error("the site has changed meanwhile");
  await Promise.all(answers.map((one, n) => cache.put(urls[n], one)));
  await cache.put(INDEX, first);
}

async function activate() {
  for (const name of await caches.keys()) {
    if (name.startsWith(PAGES) && name !== PAGE) await caches.delete(name);
  }
  await clients.claim();
}

/** What a page asks for: {keep: urls}, answered on its port, or {use: true}. */
async function answer({ data, ports: [port] }) {
  if (data.use) return skipWaiting();
  try {
    for (const url of data.keep) {
      const { response, keeping } = await find(new Request(url));
      if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`);
      await keeping;
    }
    port.postMessage({ kept: true });
  } catch (error) {
    port.postMessage({ kept: false, why: error.message });
  }
}

/** Asked of the network, past what the browser holds back. */
async function fresh(url) {
  const response = await fetch(url, { cache: "no-cache" });
  if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`);
  return response;
}

/** The list of models follows the server, and is the last known one without it. */
async function index() {
  const cache = await caches.open(PAGE);
  const { response, isFresh } = await freshOrKept(cache, INDEX);
  if (!isFresh) return { response };
  const told = response.clone();
  return { response, keeping: cache.put(INDEX, response.clone()).finally(() => dropModels(told)) };
}

/** Let go of the models that the site does not have any more. */
async function dropModels(told) {
  const folders = (await told.json()).models.map(({ url }) => new URL(url, ROOT).href);
  const cache = await caches.open(MODELS);
  for (const one of await cache.keys()) {
    const isOurs = one.url.startsWith(`${ROOT}models/`);
    if (isOurs && !folders.some((folder) => one.url.startsWith(folder))) await cache.delete(one);
  }
}

/** What the network has, or without it what is kept. */
async function freshOrKept(cache, url) {
  try {
    return { response: await fresh(url), isFresh: true };
  } catch {
    return { response: (await cache.match(withoutQuery(url))) ?? Response.error(), isFresh: false };
  }
}

async function ofPage(asked) {
  const cache = await caches.open(PAGE);
  const path = pathOf(asked.url);
  const url = new URL(path === "" ? "index.html" : path, ROOT).href;
  const kept = await cache.match(url);
  if (kept) return { response: isolated(kept) };
  const response = await fetch(asked);
  const isLate = response.ok && LATER.test(path);
  return { response, keeping: isLate ? keepLate(cache, url, response.clone()) : undefined };
}

async function keepLate(cache, url, response) {
  const { build } = await (await fresh(INDEX)).json();
  if (build !== BUILD) throw new Error("the site has changed: this is of its newer build");
  await cache.put(url, response);
}

/** With the headers that threads need, also where whoever serves the site does not send them. */
function isolated(response) {
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}

/** A model's file. Its graph is kept under the hash that the card gives, so that the two are of one version. */
async function ofModel({ url, cache: how }) {
  const cache = await caches.open(MODELS);
  const [folder, name] = /^(.*\/)([^/?]+)/.exec(url).slice(1);
  if (name === "card.json") return freshOrKept(cache, url);
  const { response: card, isFresh } = await freshOrKept(cache, `${folder}card.json`);
  const { sha256 } = await card.clone().json();
  const key = `${withoutQuery(url)}?sha256=${sha256[name]}`;
  const keepCard = async () => isFresh && cache.put(`${folder}card.json`, card);
  const kept = await cache.match(key);
  if (kept) return { response: kept, keeping: keepCard() };
  const response = await fetch(url, { cache: how === "reload" ? how : "no-cache" });
  if (!response.ok) return { response };
  return { response, keeping: keepGraph(cache, key, sha256[name], response.clone(), keepCard) };
}

/** Another graph than the card's, or a damaged one, would be given in its place ever after. */
async function keepGraph(cache, key, wanted, response, keepCard) {
  const bytes = await response.arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (found !== wanted) throw new Error(`${key}: its hash is ${found}`);
  await cache.put(key, new Response(bytes, { headers: response.headers }));
  await keepCard();
  for (const other of await cache.keys(key, { ignoreSearch: true })) {
    if (other.url !== key) await cache.delete(other); // an older version
  }
}

const withoutQuery = (url) => url.replace(/\?.*$/, "");
