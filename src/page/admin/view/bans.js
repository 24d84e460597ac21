// The bans in force.

import { h, icon } from "../../../client/lib/dom.js";
import { inWords } from "../model/api.js";
import { Repeat } from "../model/live.js";
import { askToBan } from "./ban.js";
import { ask, stateLine, tell } from "./dialog.js";
import { duration, fullTime, plural } from "./format.js";
import { Table } from "./table.js";

const EVERY = 5_000;
const target = ({ nickname, address }) => nickname ?? address;

export class Bans {
  title = "Bans";
  #app;
  #bans = null;
  #repeat = new Repeat(() => this.#ask(), EVERY);
  #filter = h("input", { type: "search", class: "input", placeholder: "Filter by anything", "aria-label": "Filter bans", spellcheck: "false", on: { input: () => this.#paint() } });
  #count = h("span", { class: "count", role: "status" });
  #state = stateLine("Asking for the bans…");
  #table;
  element;

  constructor(app) {
    this.#app = app;
    this.#table = new Table({
      label: "Bans", keyOf: ({ id }) => id, sort: { by: "Made", down: true },
      empty: () => stateLine(this.#bans.length === 0 ? "Nobody is banned." : "No ban fits the filter."),
      columns: [
        { name: "Banned", class: "strong", text: target },
        { name: "What", text: ({ nickname }) => (nickname ? "nickname" : "address") },
        { name: "Reason", class: "wide", text: ({ reason }) => reason ?? "" },
        { name: "Made", text: ({ created_at: at }) => fullTime(at), value: ({ created_at: at }) => Date.parse(at) },
        { name: "Ends", text: ({ expires_at: at }) => (at ? `in ${duration(Date.parse(at) - Date.now())}` : "never"),
          value: ({ expires_at: at }) => (at ? Date.parse(at) : Infinity),
          fill: (cell, { expires_at: at }) => cell.replaceChildren(at
            ? h("time", { datetime: at, title: fullTime(at) }, `in ${duration(Date.parse(at) - Date.now())}`) : "never") },
        { name: "Actions", class: "actions", update: (cell, row) => this.#updateActions(cell, row) },
      ],
    });
    this.#table.element.hidden = true;
    this.element = h("div", { class: "view" },
      h("div", { class: "toolbar" }, this.#filter, this.#count,
        h("button", { type: "button", class: "button primary right", on: { click: () => askToBan(app) } }, icon("plus"), "New ban")),
      this.#state, this.#table.element);
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
      this.#bans = (await this.#app.api.get("/admin/bans")).bans;
      this.#state.hidden = true;
      this.#table.element.hidden = false;
      this.#paint();
    } catch (error) {
      if (this.#bans === null) this.#state.textContent = `${inWords(error)} Trying again…`;
    }
  }

  #paint() {
    if (this.#bans === null) return;
    const wanted = this.#filter.value.trim().toLowerCase();
    const shown = this.#bans.filter((ban) => `${target(ban)} ${ban.reason ?? ""}`.toLowerCase().includes(wanted));
    this.#table.show(shown);
    this.#count.textContent = plural(shown.length, "ban");
  }

  #updateActions(cell, ban) {
    if (cell.firstElementChild) return;
    const name = target(ban);
    const lift = () => ask({
      title: `Lift the ban of ${name}?`,
      words: "They may come in again at once.",
      action: "Lift the ban",
      run: async () => {
        await this.#app.api.remove(`/admin/bans/${ban.id}`);
        tell(`${name} is no longer banned.`);
        this.#app.changed();
      },
    });
    cell.append(h("button", { type: "button", class: "button small", "aria-label": `Lift the ban of ${name}`, on: { click: lift } }, "Lift…"));
  }
}
