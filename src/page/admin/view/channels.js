// The channels and their members.

import { h } from "../../../client/lib/dom.js";
import { inWords } from "../model/api.js";
import { Repeat } from "../model/live.js";
import { stateLine } from "./dialog.js";
import { count, plural } from "./format.js";
import { Table } from "./table.js";

const EVERY = 3_000;
/** Names of members in the document, for each channel. */
const NAMES = 100;

export class Channels {
  title = "Channels";
  #app;
  #channels = null;
  #repeat = new Repeat(() => this.#ask(), EVERY);
  #filter = h("input", { type: "search", class: "input", placeholder: "Filter by channel or member", "aria-label": "Filter channels", spellcheck: "false", on: { input: () => this.#paint() } });
  #count = h("span", { class: "count", role: "status" });
  #state = stateLine("Asking for the channels…");
  #table;
  element;

  constructor(app) {
    this.#app = app;
    this.#table = new Table({
      label: "Channels", keyOf: ({ name }) => name, sort: { by: "Members", down: true },
      empty: () => stateLine("No channel fits the filter."),
      columns: [
        { name: "Channel", class: "strong", text: ({ name }) => `#${name}` },
        { name: "Members", class: "number", text: ({ members }) => count(members.length), value: ({ members }) => members.length },
        { name: "Who", class: "wide", text: ({ members }) => names(members) },
        { name: "Actions", class: "actions", update: (cell, row) => this.#updateActions(cell, row) },
      ],
    });
    this.#table.element.hidden = true;
    this.element = h("div", { class: "view" },
      h("div", { class: "toolbar" }, this.#filter, this.#count), this.#state, this.#table.element);
  }

  start() {
    this.#repeat.start();
  }

  stop() {
    this.#repeat.stop();
  }

  changed() {
    this.#repeat.hurry();
  }

  async #ask() {
    try {
      this.#channels = (await this.#app.api.get("/admin/channels")).channels;
      this.#state.hidden = true;
      this.#table.element.hidden = false;
      this.#paint();
    } catch (error) {
      if (this.#channels === null) this.#state.textContent = `${inWords(error)} Trying again…`;
    }
  }

  #paint() {
    if (this.#channels === null) return;
    const wanted = this.#filter.value.trim().toLowerCase();
    const shown = this.#channels.filter(({ name, members }) => [`#${name}`, ...members].some((word) => word.toLowerCase().includes(wanted)));
    this.#table.show(shown);
    this.#count.textContent = shown.length === this.#channels.length ? plural(shown.length, "channel") : `${shown.length} of ${plural(this.#channels.length, "channel")}`;
  }

  #updateActions(cell, { name }) {
    if (cell.firstElementChild) return;
    cell.append(h("button", {
      type: "button", class: "button small", "aria-label": `Log of #${name}`, on: { click: () => this.#app.openLog({ channel: name }) },
    }, "Log"));
  }
}

const names = (members) => (members.length === 0 ? "nobody"
  : members.slice(0, NAMES).join(", ") + (members.length > NAMES ? ` and ${count(members.length - NAMES)} more` : ""));
