// The picture of an animated PNG that programs see which know no animations, where it is no frame of it.

const SIGNATURE = "\x89PNG\r\n\x1a\n";
const OF_ANIMATIONS = ["acTL", "fcTL", "fdAT"];

/**
 * That picture, as a PNG of its own: ImageDecoder shows the frames alone, others nothing but this.
 *
 * It is the IDAT chunks, unless the first fcTL comes before them, which makes them the first frame
 * (PNG, third edition, 4.9).
 *
 * @param {Uint8Array} bytes of any file
 * @returns {Blob | null} null where there is none
 */
export function otherPicture(bytes) {
  if (textAt(bytes, 0, 8) !== SIGNATURE) return null;
  const kept = [bytes.subarray(0, 8)];
  let isAnimated = false;
  let frames = 0;
  let isHidden = false;
  for (const { kind, chunk } of chunks(bytes)) {
    if (kind === "acTL") isAnimated = true;
    if (kind === "fcTL" && isAnimated) frames += 1;
    if (kind === "IDAT") {
      if (!isAnimated || (frames && !isHidden)) return null;
      isHidden = true;
    }
    if (!OF_ANIMATIONS.includes(kind)) kept.push(chunk);
  }
  return isHidden && frames ? new Blob(kept, { type: "image/png" }) : null;
}

/** The chunks up to the first that is not whole: length, kind, content, checksum. */
function* chunks(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 8;
  while (at + 12 <= bytes.length) {
    const end = at + 12 + view.getUint32(at);
    if (end > bytes.length) return;
    yield { kind: textAt(bytes, at + 4, 4), chunk: bytes.subarray(at, end) };
    at = end;
  }
}

const textAt = (bytes, at, length) => String.fromCharCode(...bytes.subarray(at, at + length));
