// What was written and not sent, and which message it answers, by conversation. It survives a reload: of an account that stays
// signed in on this device there, otherwise in the tab. Signing out forgets it.

import { saveDrafts, savedDrafts } from "./storage.js";

/** Drafts that are kept at most, and the length, in UTF-16 units, up to which one is stored. */
const MOST = 50;
const LONGEST = 20_000;
/** How long typing has to pause before drafts are stored. */
const PAUSE = 400;
const NOTHING = { text: "", answering: null };

export class Drafts {
  #drafts;
  #user;
  #keep;
  #timer = 0;

  constructor(user, keep) {
    this.#user = user;
    this.#keep = keep;
    this.#drafts = new Map(savedDrafts(user, keep).map(([key, text, answering = null]) => [key, { text, answering }]));
    addEventListener("pagehide", () => this.#timer && this.#save());
  }

  get(key) {
    return this.#drafts.get(key) ?? NOTHING;
  }

  /** `answering` is the message that the text answers, `{id, author}`, or null. */
  set(key, text, answering) {
    const known = this.get(key);
    if (text === known.text && answering?.id === known.answering?.id) return;
    this.#drafts.delete(key);
    if (text || answering) this.#drafts.set(key, { text, answering });
    if (this.#drafts.size > MOST) this.#drafts.delete(this.#drafts.keys().next().value);
    this.#timer ||= setTimeout(() => this.#save(), PAUSE);
  }

  forget() {
    this.#drafts.clear();
    this.#save();
  }

  #save() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const short = [...this.#drafts].filter(([, { text }]) => text.length <= LONGEST);
    saveDrafts(this.#user, this.#keep, short.map(([key, { text, answering }]) => [key, text, ...(answering ? [answering] : [])]));
  }
}
