// Numbers as Python writes them, so that reasons and records are the same to the letter.

/**
 * Python's ".{digits}f": rounded by the number's exact value, and halves to the even digit, which
 * toFixed takes up. (Intl's halfEven sees the shortest decimals instead: 0.15, which is a little
 * less, would become 0.2.)
 *
 * @param {number} value finite, 0 or more
 * @param {number} digits after the point, 0..100
 */
export function fixed(value, digits) {
  const text = value.toFixed(digits);
  // Of binary fractions only n/2^(digits+1), n odd, lie in the middle between two decimal ones.
  const isHalf = Math.abs((value * 2 ** (digits + 1)) % 2) === 1;
  const last = Number(text.at(-1));
  return isHalf && last % 2 ? text.slice(0, -1) + (last - 1) : text;
}

/** Python's "g" for 0..1: six digits, no zeros at the end, an exponent of two digits below 1e-4. */
export function general(value) {
  if (value === 0) return "0";
  const exponent = Number(value.toExponential().split("e")[1]);
  const rounded = Number(fixed(value, Math.min(5 - exponent, 100)));
  if (rounded >= 1e-4) return String(rounded);
  const [digits, power] = rounded.toExponential().split("e-");
  return `${digits}e-${power.padStart(2, "0")}`;
}
