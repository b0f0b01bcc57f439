// The one kind of error that the library throws on purpose.

/**
 * What went wrong, in words, with a code to branch on.
 *
 *   NOT_FOUND     the bundle or a file of the runtime cannot be fetched
 *   BAD_BUNDLE    the card breaks the schema, or the graph is not the one whose hash it gives
 *   UNREADABLE    the picture cannot be decoded, or its pixels may not be read
 *   TOO_LARGE     the picture, or the bundle, is beyond any real one
 *   UNSUPPORTED   this browser, or this model, cannot do what was asked
 *   BAD_ARGUMENT  an argument makes no sense
 *   RUNTIME       the runtime refuses the graph or fails to run it
 *   DISPOSED      the model has been disposed of
 */
export class FigleafError extends Error {
  constructor(code, message, options) {
    super(message, options);
    this.name = "FigleafError";
    this.code = code;
  }
}

/** An error as it crosses from the worker: only plain values survive everywhere. */
export function packed(error) {
  return { name: error?.name, code: error?.code, message: error?.message ?? String(error) };
}

/** The error that `packed` has packed. */
export function unpacked({ name, code, message }) {
  if (name === "FigleafError") return new FigleafError(code, message);
  if (name === "AbortError") return new DOMException(message, name);
  return new FigleafError("RUNTIME", message);
}
