// What the page knows: the pictures, in the order in which they came, and what was chosen.
//
// An item is
//   id        a number
//   name      what the results call it: the path within a folder, else the file's name
//   file      the File or Blob
//   state     "waiting" | "working" | "done" | "failed"
//   kind      "still" | "animation" | "video" | "unheard" (see kinds.js), once it was looked at
//   outcome   null until then, else one of
//     {status: "ok", scores, frames, unseen, model, precision, from}
//     {status: of figleaf.errors.Status or "server" or "error", why, code, problem, model, precision, from}
//   scores    {label: probability}, most probable first
//   frames    of a film [{seconds, scores}, ...] in order of time, else []
//   unseen    seconds from which on something could not be looked at, else null
//   from      "browser" | "server"
//   code      of figleaf-web's error, where there was one: then `why` is in its words
//   problem   the kind of problem that a server answered with: then `why` is in its words
//   listed    {decision, reason} where a list of the server has decided; then there are no scores
//   version   counts its changes
//   sketch    a small ImageBitmap of a film, once a frame was seen
//   token     of the work that may still say what it comes to

/** Holds the items and the choices, and tells of changes: "items", "item" (detail: the item), "choices". */
export class Store extends EventTarget {
  constructor(choices) {
    super();
    this.items = new Map();
    this.choices = choices;
    this.#next = 1;
  }

  #next;

  /** Add files: {name, file} each. */
  add(files) {
    const added = files.map(({ name, file }) => ({
      id: this.#next++, name, file, state: "waiting", kind: null, outcome: null, version: 0, token: null,
    }));
    for (const item of added) this.items.set(item.id, item);
    this.#tell("items");
    return added;
  }

  /** Change an item; one that was removed meanwhile stays away. */
  change(item, fields) {
    if (this.items.get(item.id) !== item) return;
    Object.assign(item, fields);
    item.version++;
    this.dispatchEvent(new CustomEvent("item", { detail: item }));
  }

  /** Remove an item. */
  remove(item) {
    this.items.delete(item.id);
    this.#tell("items");
  }

  /** Remove all. */
  clear() {
    this.items.clear();
    this.#tell("items");
  }

  /** Judge all anew: another model, or somebody else to ask. */
  forgetOutcomes() {
    for (const item of this.items.values()) {
      Object.assign(item, { state: "waiting", outcome: null, token: null });
      item.version++;
    }
    this.#tell("items");
  }

  /** Change choices. */
  choose(fields) {
    Object.assign(this.choices, fields);
    this.#tell("choices");
  }

  #tell(what) {
    this.dispatchEvent(new Event(what));
  }
}
