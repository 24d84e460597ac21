// The chat log as it is written, with filters.

import { h, icon, iconButton } from "../../../client/lib/dom.js";
import { inWords, Refused } from "../model/api.js";
import { Repeat } from "../model/live.js";
import { MOST, Tail } from "../model/tail.js";
import { askToBan } from "./ban.js";
import { field, textField } from "./dialog.js";
import { Entries } from "./entries.js";
import { count, fullTime } from "./format.js";

const EVERY = 1_000;
/** Time to finish a word. */
const TYPING = 350;
const KINDS = ["message", "private", "command", "open", "close", "join", "leave", "announcement", "error"];
/** Fields of an entry, in the order of the log. */
const FIELDS = ["at", "kind", "id", "nick", "channel", "to", "address", "protocol", "text"];

export class Log {
  title = "Log";
  isWide = true;
  #app;
  #tail = null;
  #isPaused = false;
  /** Entries shown; more are held back while it is paused. */
  #shown = 0;
  #unseen = 0;
  #typing = null;
  #isBusy = false;
  #isReady = false;
  #repeat = new Repeat(() => this.#ask(), EVERY);
  #entries = new Entries({ choose: (entry) => this.#paintDetails(entry), moved: () => this.#moved() });
  #state = h("p", { class: "state" });
  #older = h("button", { type: "button", class: "button small", hidden: true, on: { click: () => this.#fetchOlder() } }, "Load older");
  #above = h("span", { class: "count" });
  #pause = h("button", { type: "button", class: "button small", "aria-pressed": "false", on: { click: () => this.#togglePause() } });
  #live = h("span", { class: "live", role: "status" });
  #newest = h("button", { type: "button", class: "button small primary newest", hidden: true, on: { click: () => this.#toNewest() } }, icon("down"), h("span", {}));
  #details = h("section", { class: "details", "aria-label": "The chosen entry", hidden: true });
  #mistake = h("p", { class: "notice-box", role: "alert", id: "log-mistake" });
  #fields = {
    pattern: textField("pattern", { placeholder: "regular expression" }),
    kind: h("select", { class: "input", name: "kind" }, h("option", { value: "" }, "Every kind"), KINDS.map((kind) => h("option", { value: kind }, kind))),
    nick: textField("nick"),
    channel: textField("channel"),
    since: h("input", { class: "input", type: "datetime-local", name: "since" }),
    until: h("input", { class: "input", type: "datetime-local", name: "until" }),
  };
  /** On a phone most filters are folded away. */
  #more = h("button", { type: "button", class: "button more", "aria-expanded": "false", on: { click: () => this.#fold() } }, "More filters");
  #form;
  element;

  constructor(app) {
    this.#app = app;
    const { pattern, kind, nick, channel, since, until } = this.#fields;
    const now = (event) => {
      event.preventDefault();
      this.#filter();
    };
    this.#form = h("form", {
      class: "filters", novalidate: true, "aria-label": "Filters",
      on: { submit: now, change: () => this.#filter(), input: () => this.#filterSoon(), reset: () => setTimeout(() => this.#filter()) },
    },
      h("div", { class: "grow" }, field("Text", pattern)), field("Kind", kind), field("Nickname", nick), field("Channel", channel),
      field("Since", since), field("Until", until),
      h("button", { type: "reset", class: "button" }, "Clear"), this.#more);
    this.element = h("div", { class: "view log-view" },
      this.#form, this.#mistake,
      h("div", { class: "tail-head" }, this.#pause, this.#live, this.#above, this.#older),
      h("div", { class: "tail-columns", "aria-hidden": "true" }, ["Time", "Kind", "Nickname", "Where", "Text"].map((name) => h("span", {}, name))),
      h("div", { class: "tail" }, this.#entries.element, this.#state, this.#newest),
      this.#details);
    this.#paintPause();
  }

  start() {
    if (this.#tail === null) this.#begin();
    else if (this.#isReady && this.#tail.isLive) this.#repeat.start();
  }

  stop() {
    this.#repeat.stop();
    clearTimeout(this.#typing);
  }

  /** Shows what fits these filters, and nothing else. */
  look(filters) {
    this.#form.querySelectorAll("input").forEach((input) => (input.value = ""));
    for (const [name, input] of Object.entries(this.#fields)) input.value = filters[name] ?? "";
    this.#filter();
  }

  #fold() {
    const isOpen = this.#form.classList.toggle("open");
    this.#more.setAttribute("aria-expanded", String(isOpen));
    this.#more.textContent = isOpen ? "Fewer filters" : "More filters";
  }

  #filters() {
    const filters = Object.fromEntries(Object.entries(this.#fields).map(([name, input]) => [name, input.value]));
    for (const name of ["nick", "channel"]) filters[name] = filters[name].trim();
    for (const name of ["since", "until"]) if (filters[name]) filters[name] = new Date(filters[name]).toISOString();
    return filters;
  }

  #filterSoon() {
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => this.#filter(), TYPING);
  }

  #filter() {
    clearTimeout(this.#typing);
    const filters = JSON.stringify(this.#filters());
    if (this.#tail?.filters === filters) return;
    this.#repeat.stop();
    this.#begin();
  }

  async #begin() {
    const tail = new Tail(this.#app.api, this.#filters());
    tail.filters = JSON.stringify(this.#filters());
    this.#tail = tail;
    this.#isReady = false;
    this.#say("Searching the log…");
    try {
      await tail.start();
      if (tail !== this.#tail) return;
      this.#isReady = true;
      this.#refuse(null);
      this.#shown = tail.entries.length;
      this.#unseen = 0;
      this.#entries.pick(null);
      this.#entries.toNewest();
      this.#paint();
      if (tail.isLive && this.#app.isShown(this)) this.#repeat.start();
    } catch (error) {
      if (tail === this.#tail) this.#fail(error, () => this.#begin());
    }
  }

  async #ask() {
    const tail = this.#tail;
    try {
      const { dropped } = tail;
      const fresh = await tail.newer();
      if (tail !== this.#tail) return;
      this.#say(tail.entries.length === 0 ? "Nothing in the log fits." : "");
      if (fresh === null) {
        this.#shown = tail.entries.length;
        this.#entries.toNewest();
      }
      const gone = tail.dropped - dropped;
      this.#shown = Math.max(0, this.#shown - gone);
      if (fresh) {
        if (!this.#isPaused) this.#shown = tail.entries.length;
        this.#unseen = this.#isPaused || !this.#entries.follows ? Math.min(this.#unseen + fresh, MOST) : 0;
      }
      if (fresh !== 0) this.#paint(-gone);
    } catch (error) {
      // When the server does not answer, the banner above says so.
      if (error instanceof Refused && error.status !== 401 && tail === this.#tail) this.#say(`${inWords(error)} Trying again…`);
    }
  }

  async #fetchOlder() {
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.#older.disabled = true;
    const tail = this.#tail;
    try {
      const more = await tail.older();
      if (tail === this.#tail) {
        this.#shown += more;
        this.#paint(more);
      }
    } catch (error) {
      this.#say(inWords(error));
    } finally {
      this.#isBusy = false;
      this.#older.disabled = false;
    }
  }

  #fail(error, again) {
    const words = inWords(error);
    if (error instanceof Refused && error.field in this.#fields) {
      this.#tail.entries = [];
      this.#shown = 0;
      this.#refuse(error.field, words);
      this.#say("Nothing to show until that is put right.");
      this.#entries.show([]);
      this.#paintHead();
      return;
    }
    this.#say(`${words} `, h("button", { type: "button", class: "button small", on: { click: again } }, "Try again"));
  }

  #refuse(name, words = "") {
    for (const [field, input] of Object.entries(this.#fields)) {
      if (field === name) {
        input.setAttribute("aria-invalid", "true");
        input.setAttribute("aria-errormessage", "log-mistake");
      } else {
        input.removeAttribute("aria-invalid");
        input.removeAttribute("aria-errormessage");
      }
    }
    this.#mistake.textContent = words;
  }

  #say(...words) {
    this.#state.replaceChildren(...words);
  }

  #togglePause() {
    this.#isPaused = !this.#isPaused;
    this.#paintPause();
    if (!this.#isPaused) this.#toNewest();
  }

  #toNewest() {
    this.#isPaused = false;
    this.#paintPause();
    this.#shown = this.#tail.entries.length;
    this.#unseen = 0;
    this.#entries.toNewest();
    this.#paint();
  }

  #moved() {
    if (this.#entries.follows && !this.#isPaused && this.#unseen > 0) {
      this.#unseen = 0;
      this.#paintHead();
    }
    // Close to the top: older entries will be wanted soon.
    if (this.#entries.element.scrollTop < 200 && !this.#older.hidden && !this.#entries.follows) this.#fetchOlder();
    this.#paintNewest();
  }

  #paint(above = 0) {
    const { entries } = this.#tail;
    this.#entries.show(this.#shown < entries.length ? entries.slice(0, this.#shown) : [...entries], above);
    this.#say(entries.length === 0 ? "Nothing in the log fits." : "");
    this.#paintHead();
  }

  #paintHead() {
    const tail = this.#tail;
    this.#older.hidden = !tail.hasOlder;
    const isFull = !tail.hasOlder && tail.entries.length >= MOST;
    const words = [count(this.#shown) + (this.#shown === 1 ? " entry" : " entries")];
    if (isFull) words.push("no more are kept here; narrow the filters");
    if (tail.timedOut) words.push("the search took long, there may be older ones");
    this.#above.textContent = words.join(" · ");
    this.#live.parentElement.hidden = !this.#isReady;
    this.#live.className = `live ${tail.isLive && !this.#isPaused ? "on" : ""}`;
    const live = tail.isLive ? (this.#isPaused ? "Paused" : "Live") : "Not live: an end is set";
    if (this.#live.textContent !== live) this.#live.textContent = live;
    this.#pause.hidden = !tail.isLive;
    this.#paintNewest();
  }

  #paintNewest() {
    this.#newest.hidden = this.#shown === 0 || (this.#entries.follows && this.#unseen === 0);
    this.#newest.lastElementChild.textContent = this.#unseen > 0 ? `${count(this.#unseen)} new` : "Jump to newest";
  }

  #paintPause() {
    this.#pause.setAttribute("aria-pressed", String(this.#isPaused));
    this.#pause.replaceChildren(icon(this.#isPaused ? "play" : "pause"), this.#isPaused ? "Resume" : "Pause");
    if (this.#tail) this.#paintHead();
  }

  #paintDetails(entry) {
    this.#details.hidden = entry === null;
    if (entry === null) return;
    const value = (name) => (name === "at" ? `${fullTime(entry.at)} (${entry.at})` : entry[name]);
    const narrow = (words, filters) => h("button", { type: "button", class: "button small", on: { click: () => this.look(filters) } }, words);
    this.#details.replaceChildren(
      h("header", {},
        entry.nick ? narrow(`Only ${entry.nick}`, { nick: entry.nick }) : null,
        entry.channel ? narrow(`Only #${entry.channel}`, { channel: entry.channel }) : null,
        entry.nick ? h("button", { type: "button", class: "button small danger", on: { click: () => askToBan(this.#app, { nickname: entry.nick, address: entry.address?.replace(/:\d+$/, "").replace(/^\[|\]$/g, "") }) } }, `Ban ${entry.nick}…`) : null,
        iconButton("close", "Close the entry", () => {
          this.#entries.pick(null);
          this.#entries.element.focus();
        })),
      h("dl", {}, FIELDS.filter((name) => entry[name] !== undefined).map((name) => [h("dt", {}, name), h("dd", { class: name }, value(name))]).flat()));
  }
}

