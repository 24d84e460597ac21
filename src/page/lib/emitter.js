// Events and their listeners.

export class Emitter {
  #listeners = new Map();

  /** Calls `listener` at each event; returns a function that ends that. */
  on(event, listener) {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
    return () => {
      this.#listeners.set(event, this.#listeners.get(event).filter((other) => other !== listener));
    };
  }

  emit(event, ...details) {
    for (const listener of this.#listeners.get(event) ?? []) listener(...details);
  }

  /** Waits for an event after which `is` holds; false if that takes too long. */
  until(event, is, patience) {
    return new Promise((resolve) => {
      const end = (result) => {
        clearTimeout(timer);
        stop();
        resolve(result);
      };
      const stop = this.on(event, () => is() && end(true));
      const timer = setTimeout(() => end(false), patience);
    });
  }
}
