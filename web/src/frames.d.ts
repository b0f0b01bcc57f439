export interface FrameRules {
  /** Seconds between two frames, at least; 0.25 by default. */
  every?: number;
  /** Frames, at most; 16 by default. Longer films are looked at over their whole length too. */
  most?: number;
  signal?: AbortSignal;
}

/** One frame; `image` is good until the next one is asked for. */
export interface Frame<Image> {
  index: number;
  total: number;
  seconds: number;
  image: Image;
}

/** Which frames of a film to look at, by when each begins; numbers from 0, rising. */
export function choose(
  begins: readonly number[],
  length: number,
  rules?: { every?: number; most?: number },
): number[];

/** Whether this browser can take animations apart. */
export function canTakeApart(): boolean;

/** Whether a file is an animation of two frames or more, that this browser can take apart. */
export function isAnimation(file: Blob): Promise<boolean>;

/** Frames of a GIF, WebP, APNG or AVIF. */
export function animationFrames(file: Blob, rules?: FrameRules): AsyncGenerator<Frame<VideoFrame>>;

/** Frames of a video. An element is left as it is: its file is fetched. */
export function videoFrames(
  source: Blob | HTMLVideoElement,
  rules?: FrameRules,
): AsyncGenerator<Frame<HTMLVideoElement>>;
