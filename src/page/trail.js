// The browser's history: an entry for each conversation that was opened, and where one pane covers
// another also for the list and the column at the side, so that Back goes back within the chat.

import { byId } from "./lib/dom.js";

const NARROW = matchMedia("(max-width: 760px)");
/** Where the column at the side lies above the conversation. */
const COVERED = matchMedia("(max-width: 1099px)");

export class Trail {
  #app;
  /** Whether an entry is being shown: what that opens makes no further one. */
  #isGoing = false;

  constructor(app) {
    this.#app = app;
    const { state } = app;
    state.on("active", () => this.#moved());
    state.on("opened", () => this.#opened());
    addEventListener("popstate", ({ state }) => (state ? this.#go(state) : app.fromAddress()));
    const start = this.#place.pane ?? (location.hash.length > 1 || !NARROW.matches ? "talk" : "list");
    this.show(NARROW.matches ? start : "talk");
  }

  get isNarrow() {
    return NARROW.matches;
  }

  /** Shows a pane: `list` or `talk`. */
  show(pane) {
    byId("chat").dataset.pane = pane;
  }

  /** Back to the list, where it is not in view. */
  toList() {
    const { up } = this.#place;
    if (up) return history.go(-up);
    this.show("list");
    this.#push({ pane: "list", up: 0 });
  }

  /** The column at the side was opened by the user. */
  covered(aside) {
    if (!COVERED.matches) return;
    if (this.#place.aside) this.#replace({ aside });
    else this.#push({ aside, up: this.#up() });
  }

  /** Leaves the entry of the column at the side, if this is it; resolves when it is left. */
  async uncover() {
    if (!this.#place.aside) return;
    const left = new Promise((resolve) => addEventListener("popstate", resolve, { once: true }));
    history.back();
    await left;
  }

  /** The entry is that of what is shown now. */
  rewrite() {
    this.#replace({});
  }

  // ---------------------------------------------------------------------------

  get #place() {
    return history.state ?? {};
  }

  get #pane() {
    return byId("chat").dataset.pane;
  }

  /** Steps back to the list, from the next entry. */
  #up() {
    if (this.#pane === "list") return 1;
    return this.#place.up ? this.#place.up + 1 : 0;
  }

  /** Another conversation is active. */
  #moved() {
    const { state } = this.#app;
    const { active } = state;
    if (!active || this.#isGoing) return;
    const { key } = this.#place;
    if (COVERED.matches) this.#app.aside.show("");
    // A conversation that was left, or has another name now, is nothing to go back to.
    const isElsewhere = key && key !== active.key && state.conversations.has(key);
    if (isElsewhere && this.#pane === "talk") this.#push({ aside: "", up: this.#up() });
    else this.#replace({ aside: "" });
  }

  /** The user has opened the conversation. */
  #opened() {
    if (this.#isGoing || this.#pane === "talk") return;
    const up = this.#up();
    this.show("talk");
    this.#push({ up });
  }

  #go(place) {
    const { state } = this.#app;
    const pane = NARROW.matches ? place.pane : "talk";
    const conversation = pane === "talk" ? state.conversations.get(place.key) : null;
    this.#isGoing = true;
    if (conversation && conversation !== state.active) this.#app.show(conversation);
    this.#isGoing = false;
    this.show(pane);
    if (COVERED.matches) this.#app.aside.show(place.aside ?? "");
    // Behind the list, and where what the entry names is gone, the conversation stays.
    if (!conversation) this.rewrite();
  }

  #push(more) {
    history.pushState({ ...this.#now(), ...more }, "", this.#address());
  }

  #replace(more) {
    history.replaceState({ ...this.#place, ...this.#now(), ...more }, "", this.#address());
  }

  #now() {
    return { pane: this.#pane, key: this.#app.state.active?.key };
  }

  #address() {
    return this.#app.state.active ? hashOf(this.#app.state.active) : location.pathname;
  }
}

/** The end of the address that names a conversation; a message's id may follow, after a slash. */
export const hashOf = ({ isRoom, name }) => `#${isRoom ? "" : "@"}${encodeURIComponent(name)}`;
