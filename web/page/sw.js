// The service worker: gives the page from what it keeps, so that it works without a network.
//
// The page's files are kept for one build, all of them or none, and given from there alone: old and new
// are never mixed. The page registers this script as sw.js?build=BUILD, so that another build is another
// worker, which waits until the pages of the old one are closed, or a person asks for it.
// Models are kept when they were used, under the hash of their graph.

const BUILD = new URL(location.href).searchParams.get("build");
const PAGE = `figleaf-page-${BUILD}`;
const MODELS = "figleaf-models";
const ROOT = new URL("./", location.href).href;
const INDEX = `${ROOT}models/index.json`;
// Large, and only one of the two is ever used: kept when it was.
const LATER = /^ort\/.*\.wasm$/;

addEventListener("install", (event) => event.waitUntil(install()));
addEventListener("activate", (event) => event.waitUntil(activate()));
addEventListener("message", (event) => event.waitUntil(answer(event)));
addEventListener("fetch", (event) => {
  const asked = event.request;
  if (asked.method !== "GET" || !asked.url.startsWith(ROOT)) return;
  const path = pathOf(asked.url);
  if (path === "models/index.json") event.respondWith(index());
  else if (/^models\/[^/]+\/[^/]+$/.test(path)) event.respondWith(ofModel(asked.url));
  else if (/^(v1|healthz|readyz|metrics|openapi\.json)(\/|$)/.test(path)) return;
  else event.respondWith(ofPage(asked));
});

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
    if (name.startsWith("figleaf-page-") && name !== PAGE) await caches.delete(name);
  }
  await clients.claim();
}

/** What a page asks for: {keep: urls}, answered on its port, or {use: true}. */
async function answer({ data, ports: [port] }) {
  if (data.use) return skipWaiting();
  try {
    for (const url of data.keep) {
      const answered = await (pathOf(url).startsWith("models/") ? ofModel(url) : ofPage(new Request(url)));
      if (!answered.ok) throw new Error(`${url}: HTTP ${answered.status}`);
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
  try {
    const response = await fresh(INDEX);
    await cache.put(INDEX, response.clone());
    return response;
  } catch {
    return (await cache.match(INDEX)) ?? Response.error();
  }
}

async function ofPage(asked) {
  const cache = await caches.open(PAGE);
  const path = pathOf(asked.url);
  const url = new URL(path === "" ? "index.html" : path, ROOT).href;
  const kept = await cache.match(url);
  if (kept) return isolated(kept);
  const response = await fetch(asked);
  if (response.ok && LATER.test(path)) await cache.put(url, response.clone());
  return response;
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
async function ofModel(url) {
  const cache = await caches.open(MODELS);
  const [folder, name] = /^(.*\/)([^/?]+)/.exec(url).slice(1);
  if (name === "card.json") return card(cache, url);
  const { sha256 } = await (await card(cache, `${folder}card.json`)).json();
  const key = `${url.replace(/\?.*$/, "")}?sha256=${sha256[name]}`;
  const kept = await cache.match(key);
  if (kept) return kept;
  const response = await fetch(url, { cache: "no-cache" });
  if (response.ok) {
    await cache.delete(url, { ignoreSearch: true }); // an older version
    await cache.put(key, response.clone());
  }
  return response;
}

async function card(cache, url) {
  const key = url.replace(/\?.*$/, "");
  try {
    const response = await fresh(url);
    await cache.put(key, response.clone());
    return response;
  } catch {
    return (await cache.match(key)) ?? Response.error();
  }
}
