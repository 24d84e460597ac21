// Keys that work everywhere.

import { isComposing } from "./parts.js";
import { openHelp } from "./dialogs.js";

export class Keys {
  #app;

  constructor(app) {
    this.#app = app;
    addEventListener("keydown", (event) => {
      if (event.defaultPrevented || isComposing(event) || document.querySelector("dialog[open], .menu:popover-open")) return;
      if (this.#press(event)) event.preventDefault();
    });
  }

  #press(event) {
    const { key, altKey, shiftKey } = event;
    const control = event.ctrlKey || event.metaKey;
    const typing = event.target.closest?.("input, textarea");
    // On many keyboards the slash needs Shift.
    if (control && key === "/") return run(() => openHelp());
    if (control && !altKey && !shiftKey) {
      const opens = { k: () => this.#app.open("quick"), f: this.#canSearch(event) && (() => this.#app.open("search")), i: () => this.#app.toggleAside("people") };
      return run(opens[key.toLowerCase()]);
    }
    if (altKey && (key === "ArrowUp" || key === "ArrowDown")) return this.#step(key === "ArrowUp" ? -1 : 1, shiftKey);
    if (key === "Escape") return this.#escape();
    if (key === "?" && !typing) return run(() => openHelp());
    if (key === "PageUp" || key === "PageDown") return this.#page(key === "PageUp" ? -1 : 1);
    return false;
  }

  /** In the search field, the same key is the browser's own again. */
  #canSearch(event) {
    return this.#app.state.active && !event.target.closest?.(".search");
  }

  #escape() {
    if (this.#app.aside.mode === "search") this.#app.closeAside();
    else this.#app.stream.toEnd();
    this.#app.composer.focus();
    return true;
  }

  #step(step, onlyUnread) {
    const { state } = this.#app;
    const all = [...state.joinedRooms, ...state.directs];
    const at = all.indexOf(state.active);
    for (let count = 1; count <= all.length; count += 1) {
      const next = all[(at + step * count + all.length * 2) % all.length];
      if (!onlyUnread || (next.muted ? next.mentions : next.unread) > 0) return run(() => this.#app.show(next));
    }
    return true;
  }

  #page(step) {
    const { box } = this.#app.stream;
    box.scrollBy({ top: step * box.clientHeight * 0.85 });
    return true;
  }
}

function run(action) {
  action?.();
  return Boolean(action);
}
