// What the site holds: models/index.json.

/**
 * @typedef {{name: string, tag: string, labels: string[], description: string, bytes: number, url: string,
 *     policy: string, default: boolean, computes: string | null, imported: string | null,
 *     ensemble: {rule: string, members: string[]} | null}} ModelEntry
 * @typedef {{name: string, classes: string[], review: number | null, block: number | null}} Rule
 * @typedef {{name: string, version: number, tag: string, description: string, unreadable: string,
 *     rules: Rule[]}} Policy
 * @typedef {{models: ModelEntry[], policies: Policy[], default_policy: string, server: string | null,
 *     version: string, files: string[], build: string}} Site
 */

/** A URL within the site, which may lie in a folder. */
export const within = (path) => new URL(path, document.baseURI).href;

/** @returns {Promise<Site>} */
export async function readSite() {
  const response = await fetch(within("models/index.json"));
  if (!response.ok) throw new Error(`models/index.json: HTTP ${response.status}`);
  return response.json();
}
