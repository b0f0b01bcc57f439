// Fields of a card, taken out of the JSON with their types: figleaf.models.fields in Python.

import { FigleafError } from "./errors.js";

export const isText = (value) => typeof value === "string";
export const isWhole = (value) => Number.isInteger(value);
export const isTable = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether a card leaves a field out; null is no value either. */
export const isAbsent = (raw, key) => !Object.hasOwn(raw, key) || raw[key] === null;

/** A value as messages show it. */
export const shown = (value) => JSON.stringify(value) ?? "missing";

/** The field's value, which must be of this kind. */
export function typed(raw, key, is) {
  const value = Object.hasOwn(raw, key) ? raw[key] : undefined;
  if (!is(value)) refuse(`card.json: '${key}' is ${shown(value)}`);
  return value;
}

/** The field's values, all of one kind. */
export function listOf(raw, key, is) {
  const values = typed(raw, key, Array.isArray);
  if (!values.every(is)) refuse(`card.json: '${key}' is ${shown(values)}`);
  return [...values];
}

/** The field's value, null where it is left out. */
export const optional = (raw, key, is) => (isAbsent(raw, key) ? null : typed(raw, key, is));

/** The field's value, which must be one of these words. */
export function oneOf(raw, key, words) {
  const value = typed(raw, key, isText);
  if (words.includes(value)) return value;
  return refuse(`card.json: '${key}' is ${shown(value)}, not one of ${words.join(", ")}`);
}

/** @throws FigleafError BAD_BUNDLE */
export function refuse(message) {
  throw new FigleafError("BAD_BUNDLE", message);
}
