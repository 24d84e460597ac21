// Asks for the state of the server every two seconds while an administrator is signed in, and tells
// whether it answers.

import { Emitter } from "../../../client/lib/emitter.js";
import { inWords, Refused } from "./api.js";
import { Metrics } from "./openmetrics.js";
import { Samples } from "./samples.js";

const EVERY = 2_000;
const SLOWEST = 15_000;

/** Calls an asynchronous function again and again, never twice at once. */
export class Repeat {
  #run;
  #every;
  #timer = null;
  #round = 0;

  constructor(run, every) {
    this.#run = run;
    this.#every = every;
  }

  get isOn() {
    return this.#round % 2 === 1;
  }

  start() {
    if (this.isOn) return;
    this.#round += 1;
    this.#turn(this.#round);
  }

  stop() {
    if (this.isOn) this.#round += 1;
    clearTimeout(this.#timer);
  }

  /** Calls it now. */
  hurry() {
    if (!this.isOn) return;
    this.stop();
    this.start();
  }

  async #turn(round) {
    const pause = await this.#run();
    if (round !== this.#round) return;
    this.#timer = setTimeout(() => this.#turn(round), pause ?? this.#every);
  }
}

export class Live extends Emitter {
  #api;
  #repeat = new Repeat(() => this.#ask(), EVERY);
  #failures = 0;
  samples = new Samples();
  /** /api/status, as last seen. */
  status = null;
  /** /readyz, as last seen. */
  ready = null;
  /** Why there is no answer; null if there is. */
  trouble = null;

  constructor(api) {
    super();
    this.#api = api;
    addEventListener("pagehide", () => api.hasToken && this.samples.keep());
  }

  start() {
    this.#repeat.start();
  }

  stop() {
    this.#repeat.stop();
    this.samples.forget();
    Object.assign(this, { status: null, ready: null, trouble: null });
  }

  hurry() {
    this.#repeat.hurry();
  }

  async #ask() {
    try {
      const [text, ready, status] = await Promise.all([
        this.#api.get("/metrics"),
        this.#api.get("/readyz"),
        // Without an answer from the hub, /readyz says why.
        this.#api.get("/api/status").catch((error) => {
          if (error.status === 503) return this.status;
          throw error;
        }),
      ]);
      this.samples.add(new Metrics(text), Date.now());
      Object.assign(this, { status, ready, trouble: null });
      this.#failures = 0;
    } catch (error) {
      if (error instanceof Refused && error.status === 401) return null;
      this.#failures += 1;
      this.trouble = inWords(error);
    }
    this.emit("change");
    return Math.min(SLOWEST, EVERY * 2 ** Math.max(0, this.#failures - 2));
  }
}
