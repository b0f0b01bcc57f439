// What is remembered between visits: choices, and nothing of any picture.

const PREFIX = "figleaf:";

/** What was chosen last time, or null. */
export function kept(name) {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null; // where a browser keeps nothing for anybody
  }
}

/** Remember a choice. */
export function keep(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // It is asked again next time.
  }
}
