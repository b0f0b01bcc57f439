// Frames of moving pictures, over the whole length, the first and the last among them: the same rules
// as figleaf.classify.moving in Python.

const EVERY = 0.25; // seconds between two frames, at least
const MOST = 16;
const PATIENCE = 15_000; // milliseconds for a browser to show a place of a film

/** A film that cannot be looked at: with a status of figleaf.errors. */
export class Undecodable extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Times evenly from 0 to `last`: `EVERY` apart or more, `MOST` at most, both ends among them. */
export function timesUpTo(last) {
  if (!(last > 0)) return [0];
  const count = Math.min(MOST, Math.max(2, Math.floor(last / EVERY) + 1));
  return Array.from({ length: count }, (_, n) => (last * n) / (count - 1));
}

/**
 * Frames of a video, by the browser's own player.
 *
 * @param {Blob} file
 * @yields {{seconds: number, picture: HTMLVideoElement | null}} null where it cannot be shown; the
 *     element shows another frame once the next one is asked for
 * @throws Undecodable
 */
export async function* framesOfVideo(file) {
  const url = URL.createObjectURL(file);
  const video = document.createElement("video");
  Object.assign(video, { muted: true, preload: "auto", playsInline: true });
  try {
    video.src = url;
    await happened(video, "loadeddata");
    if (!video.videoWidth) throw new Undecodable("not_an_image", "sound alone");
    const length = await lengthOf(video);
    let shown = 0;
    for (const seconds of timesUpTo(Math.max(0, length - 0.04))) {
      const there = await broughtTo(video, seconds);
      if (there) shown++;
      else if (!shown) throw new Undecodable("corrupt", "not one frame can be decoded");
      yield { seconds, picture: there ? video : null };
      if (!there) return;
    }
  } finally {
    video.removeAttribute("src");
    video.load();
    URL.revokeObjectURL(url);
  }
}

/** Recordings of browsers say their length only once their end was looked for. */
async function lengthOf(video) {
  if (Number.isFinite(video.duration)) return video.duration;
  const known = happened(video, "durationchange");
  video.currentTime = 1e7;
  await known;
  return Number.isFinite(video.duration) ? video.duration : video.currentTime;
}

async function broughtTo(video, seconds) {
  if (video.currentTime === seconds && video.readyState >= 2) return true;
  const there = happened(video, "seeked");
  video.currentTime = seconds;
  try {
    await there;
    return video.readyState >= 2;
  } catch {
    return false;
  }
}

function happened(video, name) {
  return new Promise((resolve, reject) => {
    const until = new AbortController();
    const settle = (act, value) => {
      clearTimeout(timer);
      until.abort();
      act(value);
    };
    const timer = setTimeout(() => settle(reject, new Undecodable("timeout", "too slow to decode")), PATIENCE);
    video.addEventListener(name, () => settle(resolve), { signal: until.signal });
    video.addEventListener("error", () => settle(reject, refusal(video)), { signal: until.signal });
  });
}

function refusal({ error }) {
  const unknown = error?.code === MediaError.MEDIA_ERR_SRC_NOT_SUPPORTED;
  const why = error?.message || "the browser cannot decode it";
  return new Undecodable(unknown ? "unsupported" : "corrupt", why);
}
