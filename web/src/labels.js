// The classes' names. The same as figleaf.labels in Python.

const ALIASES = { drawing: "drawings", safe: "sfw", unsafe: "nsfw" };
const KNOWN = new Set(["drawings", "hentai", "neutral", "porn", "sexy", "sfw", "nsfw"]);

/** The name that figleaf uses for a class: a model may call `drawings` "drawing". */
export function canonical(name) {
  const plain = name.trim().toLowerCase();
  const known = Object.hasOwn(ALIASES, plain) ? ALIASES[plain] : plain;
  return KNOWN.has(known) ? known : name;
}

/** The name that NSFW JS uses: "Drawing", "Hentai", "Neutral", "Porn", "Sexy". */
export function nsfwjsName(label) {
  if (label === "drawings") return "Drawing";
  const [first, ...rest] = label;
  return first.toUpperCase() + rest.join("").toLowerCase();
}
