// The camera, judged live: one frame at a time, and what comes meanwhile is passed over.

import { Badge } from "./badge.js";
import { Bars } from "./bars.js";
import { at, put, tell } from "./dom.js";
import { decide } from "./figleaf/policy.js";
import { say } from "./words.js";

const WISH = { video: { facingMode: { ideal: "environment" }, width: { ideal: 640 }, height: { ideal: 480 } }, audio: false };
const SPAN = 2000; // milliseconds over which the rate is measured
const REFUSALS = { NotAllowedError: "camera_refused", NotFoundError: "camera_none", OverconstrainedError: "camera_none" };

/**
 * @param models of models.js
 * @param store for the policy, and how many bars
 * @param {(name: string, file: Blob) => void} keep adds a frame to the pictures
 */
export class Camera {
  #models;
  #store;
  #keep;
  #stream = null;
  #asked = null; // while a person is asked by the browser
  #bars = new Bars();
  #badge = new Badge();
  #video = at("camera-video");
  #times = [];
  #dropped = 0;
  #scores = null;

  constructor(models, store, keep) {
    this.#models = models;
    this.#store = store;
    this.#keep = keep;
    at("camera-verdict").append(this.#badge.element);
    at("camera-bars").append(this.#bars.element);
    at("camera-open").addEventListener("click", () => this.open());
    at("camera-stop").addEventListener("click", () => this.close());
    at("camera-reveal").addEventListener("click", () => this.#blur(this.#video.classList.contains("blurred")));
    at("camera-keep").addEventListener("click", () => this.#keepFrame());
    store.addEventListener("choices", () => this.#show());
    models.addEventListener("change", () => this.#show());
  }

  /** Start it; a person is asked by the browser. */
  async open() {
    if (this.#stream || this.#asked) return;
    const asked = (this.#asked = {});
    at("camera").hidden = false;
    this.#complain(null);
    this.#badge.element.hidden = true;
    try {
      if (!navigator.mediaDevices) throw new DOMException("", "InsecureError");
      const stream = await navigator.mediaDevices.getUserMedia(WISH);
      if (this.#asked === asked) this.#begin(stream);
      else halt(stream); // stopped before it began
    } catch (error) {
      if (this.#asked !== asked) return;
      this.#complain(error.name === "InsecureError" ? "camera_insecure" : (REFUSALS[error.name] ?? "camera_failed"));
    } finally {
      if (this.#asked === asked) this.#asked = null;
    }
  }

  /** Stop it. */
  close() {
    const running = this.#stream !== null;
    this.#end();
    at("camera").hidden = true;
    if (running) tell(say("camera_off"));
    at("camera-open").focus();
  }

  /** Blur it. */
  leave() {
    this.#blur(false);
  }

  /** Say it in the language that is spoken. */
  speak() {
    this.#blur(!this.#video.classList.contains("blurred"));
    this.#show();
  }

  async #begin(stream) {
    this.#stream = stream;
    this.#times = [];
    this.#dropped = 0;
    this.#scores = null;
    for (const track of stream.getVideoTracks()) {
      track.addEventListener("ended", () => this.#stream === stream && this.#lost());
    }
    this.#video.srcObject = stream;
    this.#blur(false);
    tell(say("camera_on"));
    at("camera-stop").focus();
    await this.#video.play().catch(() => {});
    this.#watch(stream);
  }

  #end() {
    if (this.#stream) halt(this.#stream);
    this.#stream = this.#asked = null;
    this.#video.srcObject = null;
  }

  #lost() {
    this.#end();
    this.#complain("camera_ended");
  }

  /** Look at each frame that comes; while one is judged, others are counted and let go. */
  #watch(stream) {
    let busy = false;
    const next = () => this.#video.requestVideoFrameCallback?.(look) ?? setTimeout(look, 40);
    const look = async () => {
      if (this.#stream !== stream) return;
      next();
      const { model } = this.#models;
      if (!model) return this.#show();
      if (busy) return void this.#dropped++;
      busy = true;
      try {
        this.#take(stream, await model.scores(this.#video));
      } catch (error) {
        if (error.code !== "DISPOSED") console.warn(`figleaf: a frame of the camera: ${error.message}`);
      }
      busy = false;
    };
    next();
  }

  #take(stream, scores) {
    if (this.#stream !== stream) return;
    this.#scores = scores;
    this.#times.push(performance.now());
    this.#show();
  }

  #show() {
    if (!this.#stream) return;
    const known = this.#models.model && this.#scores;
    this.#badge.element.hidden = !known;
    this.#bars.element.hidden = !known;
    if (!known) return put(at("camera-rate"), say("camera_waits"));
    const { policy, top } = this.#store.choices;
    this.#badge.show(decide(policy, this.#scores).decision ?? "none");
    // In the model's order: bars that change places all the time cannot be read.
    const best = new Set(Object.entries(this.#scores).sort((a, b) => b[1] - a[1]).slice(0, top).map(([label]) => label));
    this.#bars.show(this.#models.model.labels.filter((label) => best.has(label)).map((label) => [label, this.#scores[label]]), false);
    put(at("camera-rate"), say("camera_rate", { rate: this.#rate().toFixed(1), dropped: this.#dropped }));
  }

  #rate() {
    const now = performance.now();
    this.#times = this.#times.filter((time) => time > now - SPAN);
    const span = Math.max(now - (this.#times[0] ?? now), 1);
    return this.#times.length > 1 ? (1000 * (this.#times.length - 1)) / span : 0;
  }

  #blur(seen) {
    this.#video.classList.toggle("blurred", !seen);
    at("camera-reveal").setAttribute("aria-pressed", String(seen));
    put(at("camera-reveal"), say(seen ? "camera_hide" : "camera_reveal"));
  }

  async #keepFrame() {
    const { videoWidth: width, videoHeight: height } = this.#video;
    if (!this.#stream || !width) return;
    const canvas = new OffscreenCanvas(width, height);
    canvas.getContext("2d").drawImage(this.#video, 0, 0);
    const time = new Date().toTimeString().slice(0, 8).replaceAll(":", ".");
    this.#keep(say("camera_frame", { time }), await canvas.convertToBlob({ type: "image/png" }));
  }

  #complain(key) {
    at("camera-problem").hidden = !key;
    put(at("camera-problem"), key ? say(key) : "");
    for (const id of ["camera-reveal", "camera-keep"]) at(id).hidden = Boolean(key);
    this.#video.hidden = Boolean(key);
    if (key) tell(say(key));
  }
}

function halt(stream) {
  for (const track of stream.getTracks()) track.stop();
}
