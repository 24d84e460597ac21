// What was written and not sent, by conversation. It survives a reload: of an account that stays
// signed in on this device there, otherwise in the tab. Signing out forgets it.

import { saveDrafts, savedDrafts } from "./storage.js";

/** Drafts that are kept at most, and the length, in UTF-16 units, up to which one is stored. */
const MOST = 50;
const LONGEST = 20_000;
/** How long typing has to pause before drafts are stored. */
const PAUSE = 400;

export class Drafts {
  #texts;
  #user;
  #keep;
  #timer = 0;

  constructor(user, keep) {
    this.#user = user;
    this.#keep = keep;
    this.#texts = new Map(savedDrafts(user, keep));
    addEventListener("pagehide", () => this.#timer && this.#save());
  }

  get(key) {
    return this.#texts.get(key) ?? "";
  }

  set(key, text) {
    if (text === this.get(key)) return;
    this.#texts.delete(key);
    if (text) this.#texts.set(key, text);
    if (this.#texts.size > MOST) this.#texts.delete(this.#texts.keys().next().value);
    this.#timer ||= setTimeout(() => this.#save(), PAUSE);
  }

  forget() {
    this.#texts.clear();
    this.#save();
  }

  #save() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    saveDrafts(this.#user, this.#keep, [...this.#texts].filter(([, text]) => text.length <= LONGEST));
  }
}
