// What a file is, by its first bytes: names and types lie.

const HEAD = 1 << 16; // a PNG says that it moves before its pixels, after profiles that may be long

/**
 * @param {Blob} file
 * @returns {Promise<"empty" | "still" | "animation" | "video" | "unheard" | "other">} "animation" of GIF,
 *     and of WebP, PNG and AVIF that move; "unheard" where the name alone says that it is a picture;
 *     "other" where the bytes are those of no picture and no film
 * @throws DOMException NotFoundError, NotReadableError: it went away, or may not be read
 */
export async function kindOf(file) {
  if (!file.size) return "empty";
  const bytes = new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
  const text = asText(bytes);
  if (/^GIF8[79]a/.test(text)) return "animation";
  if (text.startsWith("\x89PNG\r\n\x1a\n")) return pngMoves(text) ? "animation" : "still";
  if (/^RIFF[^]{4}WEBPVP8X/.test(text)) return bytes[20] & 2 ? "animation" : "still";
  if (/^RIFF[^]{4}WEBP/.test(text)) return "still";
  if (/^RIFF[^]{4}AVI /.test(text)) return "video";
  if (text.startsWith("\x1aE\xdf\xa3") || text.startsWith("OggS")) return "video";
  if (/^[^]{4}ftyp/.test(text)) return ofBrand(text.slice(8, 12), text.slice(8, 64));
  if (/^[^]{4}(moov|mdat|wide|free|skip)/.test(text)) return "video";
  if (STILL.some((one) => one.test(text))) return "still";
  return file.type.startsWith("image/") && !TEXT.test(text) ? "unheard" : "other";
}

/** A character a byte; TextDecoder's latin1 is windows-1252, which is another thing. */
function asText(bytes) {
  let text = "";
  for (let n = 0; n < bytes.length; n += 4096) text += String.fromCharCode(...bytes.subarray(n, n + 4096));
  return text;
}

const STILL = [
  /^\xff\xd8\xff/, /^BM/, /^\x00\x00\x01\x00/, /^II\x2a\x00|^MM\x00\x2a/, /^\xff\x0a|^\x00\x00\x00\x0cJXL /,
  /^\x00\x00\x00\x0cjP {2}/, /^8BPS/,
];
// Pages under an image's name; a drawing in SVG is a program, which is not run here.
const TEXT = /^[\s\ufeff\xef\xbb\xbf]*</;

/** Whether the chunk that animations have comes before the pixels. */
function pngMoves(text) {
  const pixels = text.indexOf("IDAT");
  const control = text.indexOf("acTL");
  return control > 0 && (pixels < 0 || control < pixels);
}

function ofBrand(brand, brands) {
  if (brand === "avis") return "animation";
  if (/^(avif|heic|heix|heim|heis|mif1|msf1|hevc)/.test(brand)) return brands.includes("avis") ? "animation" : "still";
  return "video";
}
