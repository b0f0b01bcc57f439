import type { FrameRules } from "./frames.js";

/** What went wrong, to branch on. */
export type ErrorCode =
  | "NOT_FOUND"
  | "BAD_BUNDLE"
  | "UNREADABLE"
  | "TOO_LARGE"
  | "UNSUPPORTED"
  | "BAD_ARGUMENT"
  | "RUNTIME"
  | "DISPOSED";

/** The one kind of error that the library throws on purpose. */
export class FigleafError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: ErrorOptions);
}

/** Bytes in rows, 3 (RGB) or 4 (RGBA) to a pixel. An ImageData is one. */
export interface Pixels {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/** Whatever a page has a picture in. A Blob or a File holds a picture file. */
export type Source =
  | HTMLImageElement
  | HTMLCanvasElement
  | HTMLVideoElement
  | OffscreenCanvas
  | ImageBitmap
  | VideoFrame
  | ImageData
  | Pixels
  | Blob;

export type Backend = "wasm" | "webgpu";

/** Four taps in float, as TensorFlow.js does; else Pillow's filters, in bytes. */
export type Resample =
  | "bilinear-align-corners"
  | "bilinear"
  | "bicubic"
  | "nearest"
  | "box"
  | "hamming"
  | "lanczos";

/** How a picture becomes an input of the graph. Sizes are [height, width]. */
export interface Input {
  readonly name: string;
  readonly size: readonly [number, number];
  readonly resize: readonly [number, number];
  /** "squash": to `resize`, whatever the picture's shape; else the shorter side becomes it. */
  readonly fit: "squash" | "shortest-edge";
  readonly resample: Resample;
  readonly jpegQuality: number | null;
  readonly background: readonly [number, number, number];
}

/** Which models one is made of, and by which rule: "mean" of all scores, or of the unsafe ones. */
export interface Ensemble {
  readonly rule: "mean" | "mean-unsafe";
  readonly members: readonly Readonly<{ name: string; version: string; sha256: string }>[];
}

/** Where another's model came from: files and their hashes, its classes and what they are here. */
export interface Origin {
  readonly source: "huggingface" | "tfjs";
  readonly files: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly repository: string | null;
  readonly revision: string | null;
}

/** A bundle's card. `raw` is the whole of card.json. */
export interface Card {
  readonly name: string;
  readonly version: string;
  readonly tag: string;
  readonly description: string;
  readonly labels: readonly string[];
  readonly features: number;
  readonly inputs: readonly Input[];
  readonly sha256: Readonly<Record<string, string>>;
  readonly license: string;
  readonly suggestedPolicy: string | null;
  /** "int8" where the graph itself computes so. */
  readonly computes: "int8" | null;
  readonly ensemble: Ensemble | null;
  readonly imported: Origin | null;
  readonly raw: Readonly<Record<string, unknown>>;
}

/** One class, in the shape of NSFW JS. */
export interface ClassProbability {
  /** "Drawing", "Hentai", "Neutral", "Porn", "Sexy", or another model's own. */
  className: string;
  probability: number;
}

/** One frame of a timeline. */
export interface TimelineEntry {
  index: number;
  totalFrames: number;
  seconds: number;
  predictions: ClassProbability[];
  scores: Record<string, number>;
}

export interface TimelineOptions<Image> extends FrameRules {
  /** How many classes, 5 by default. */
  topk?: number;
  /** Called with each frame as soon as it is classified, and awaited. */
  onFrame?: (frame: TimelineEntry & { image: Image }) => void | Promise<void>;
}

export interface LoadOptions {
  /** "auto" (the default): WebGPU where there is a real GPU, else WebAssembly. */
  backend?: Backend | "auto";
  /** Threads of WebAssembly; one in a page that is not cross-origin isolated. */
  threads?: number;
  /** URL of the folder with onnxruntime-web's files; `../ort/` from the library by default. */
  ort?: string | URL;
  /** false: work in the page's own thread. */
  worker?: boolean;
  /** Ends the loading. */
  signal?: AbortSignal;
  /** While the graph is fetched; `totalBytes` is null where nobody says it. */
  onProgress?: (loadedBytes: number, totalBytes: number | null) => void;
}

/** A loaded model. Calls may overlap; they are answered in their order. */
export interface Model {
  readonly card: Card;
  readonly labels: readonly string[];
  /** What the graph computes in. */
  readonly precision: "f32" | "int8";
  readonly backend: Backend;
  readonly threads: number;
  /** The `topk` (5) most probable classes, most probable first. */
  classify(source: Source, topk?: number): Promise<ClassProbability[]>;
  /** The probability of every class by figleaf's names, most probable first. */
  scores(source: Source): Promise<Record<string, number>>;
  /** The pooled features, unnormalised, of length `card.features`. */
  features(source: Source): Promise<Float32Array>;
  /** A timeline of a GIF, WebP, APNG or AVIF: frames evenly over its whole length. */
  classifyGif(file: Blob, options?: TimelineOptions<VideoFrame>): Promise<TimelineEntry[]>;
  /** The same of a video. */
  classifyVideo(
    source: Blob | HTMLVideoElement,
    options?: TimelineOptions<HTMLVideoElement>,
  ): Promise<TimelineEntry[]>;
  /** Let go of the model's memory. */
  dispose(): Promise<void>;
}

/** Load a model: fetch its bundle (a folder of card.json and model.onnx), check it, compile it. */
export function load(url: string | URL, options?: LoadOptions): Promise<Model>;
