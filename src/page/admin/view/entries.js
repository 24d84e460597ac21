// A list of log entries, newest at the bottom, of which only those in view are in the document. It
// is a listbox: arrow keys choose an entry.

import { h } from "../../../client/lib/dom.js";
import { day, exactTime, isToday } from "./format.js";

/** Rows beyond the edges, so that scrolling shows no gaps. */
const MARGIN = 12;

export class Entries {
  #entries = [];
  #first = 0;
  #chosen = null;
  #choose;
  #moved;
  #rowHeight = 0;
  #follows = true;
  #list = h("div", { class: "entries", role: "presentation" });
  element;

  /** `choose(entry)` is told what is chosen, or null; `moved()` that it was
   * scrolled. */
  constructor({ choose, moved }) {
    this.#choose = choose;
    this.#moved = moved;
    this.element = h("div", {
      class: "entry-list", role: "listbox", tabindex: "0", "aria-label": "Log entries, newest last",
      on: { scroll: () => this.#scrolled(), keydown: (event) => this.#key(event), click: (event) => this.#click(event) },
    }, this.#list);
    new ResizeObserver(() => {
      this.#measure();
      if (this.#follows) this.toNewest();
      this.#paint();
    }).observe(this.element);
  }

  /** Whether the newest entry is in sight, and new ones will be. */
  get follows() {
    return this.#follows;
  }

  get chosen() {
    return this.#chosen;
  }

  /** Shows entries. `isAbove` of them were put before those that were there,
   * or, if negative, taken away from there. */
  show(entries, isAbove = 0) {
    this.#entries = entries;
    if (this.#rowHeight === 0) this.#measure();
    this.#list.style.height = `${entries.length * this.#rowHeight}px`;
    if (this.#chosen && !entries.includes(this.#chosen)) this.pick(null);
    if (this.#follows) this.toNewest();
    else if (isAbove !== 0) this.element.scrollTop += isAbove * this.#rowHeight;
    this.#paint();
  }

  toNewest() {
    this.#follows = true;
    this.element.scrollTop = this.element.scrollHeight;
    this.#paint();
  }

  pick(entry) {
    this.#chosen = entry;
    this.#paint();
    this.#choose(entry);
  }

  #measure() {
    this.#rowHeight = parseFloat(getComputedStyle(this.element).getPropertyValue("--row")) || 28;
    this.#list.style.height = `${this.#entries.length * this.#rowHeight}px`;
  }

  #scrolled() {
    const { scrollTop, clientHeight, scrollHeight } = this.element;
    this.#follows = scrollHeight - scrollTop - clientHeight < this.#rowHeight / 2;
    this.#paint();
    this.#moved();
  }

  #click(event) {
    const row = event.target.closest("[role=option]");
    if (row) this.pick(row.entry === this.#chosen ? null : row.entry);
  }

  #key(event) {
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.#rowHeight) - 1);
    const steps = { ArrowUp: -1, ArrowDown: 1, PageUp: -page, PageDown: page, Home: -Infinity, End: Infinity };
    if (event.key === "Escape" && this.#chosen) return this.pick(null);
    const step = steps[event.key];
    if (!step || this.#entries.length === 0) return;
    event.preventDefault();
    const from = this.#chosen ? this.#entries.indexOf(this.#chosen) : this.#entries.length;
    const to = Math.max(0, Math.min(this.#entries.length - 1, from + step));
    this.pick(this.#entries[to]);
    this.#bringInSight(to);
  }

  #bringInSight(index) {
    const { scrollTop, clientHeight } = this.element;
    const top = index * this.#rowHeight;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + this.#rowHeight > scrollTop + clientHeight) this.element.scrollTop = top + this.#rowHeight - clientHeight;
    this.#paint();
  }

  #paint() {
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, Math.floor(scrollTop / this.#rowHeight) - MARGIN);
    const last = Math.min(this.#entries.length, Math.ceil((scrollTop + clientHeight) / this.#rowHeight) + MARGIN);
    const kept = new Map([...this.#list.children].map((row) => [row.entry, row]));
    const rows = [];
    for (let index = first; index < last; index += 1) {
      const entry = this.#entries[index];
      const row = kept.get(entry) ?? makeRow(entry);
      kept.delete(entry);
      row.id = `entry-${index}`;
      row.style.transform = `translateY(${index * this.#rowHeight}px)`;
      row.setAttribute("aria-setsize", this.#entries.length);
      row.setAttribute("aria-posinset", index + 1);
      row.setAttribute("aria-selected", String(entry === this.#chosen));
      rows.push(row);
    }
    for (const row of kept.values()) row.remove();
    rows.forEach((row, place) => {
      if (this.#list.children[place] !== row) this.#list.insertBefore(row, this.#list.children[place] ?? null);
    });
    const chosen = this.#chosen && rows.find((row) => row.entry === this.#chosen);
    if (chosen) this.element.setAttribute("aria-activedescendant", chosen.id);
    else this.element.removeAttribute("aria-activedescendant");
  }
}

function makeRow(entry) {
  const { at, kind, nick, channel, to, text, address, protocol } = entry;
  const where = to ? `→ ${to}` : channel ? `#${channel}` : "";
  // A row has one line: where others follow, a sign says so, and the chosen entry has them all.
  const rest = text?.replace(/\s*\n\s{0,}/g, " ⏎ ") ?? [protocol, address].filter(Boolean).join(" ");
  const row = h("div", { class: `entry ${kind}`, role: "option" },
    h("time", { datetime: at }, isToday(at) ? exactTime(at) : `${day(at)} ${exactTime(at).slice(0, 8)}`),
    h("span", { class: "kind" }, kind),
    h("span", { class: "nick" }, nick ?? ""),
    h("span", { class: "where" }, where),
    h("span", { class: text === undefined ? "rest" : "text" }, rest));
  row.entry = entry;
  return row;
}
