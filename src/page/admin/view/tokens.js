// The tokens of programs: made, with their secret shown once, and removed.

import { h, icon } from "../../../client/lib/dom.js";
import { inWords } from "../model/api.js";
import { Repeat } from "../model/live.js";
import { ask, field, stateLine, tell, textField } from "./dialog.js";
import { fullTime, plural } from "./format.js";
import { showSecrets } from "./secret.js";
import { Table } from "./table.js";

const EVERY = 10_000;
const DAY = 24 * 3600 * 1000;
/** How long a token may last: what is offered, in days. */
const LIVES = { "a month": 30, "a year": 365, "until it is removed": 0 };

export class Tokens {
  title = "Tokens";
  #app;
  #tokens = null;
  #repeat = new Repeat(() => this.#ask(), EVERY);
  #count = h("span", { class: "count", role: "status" });
  #state = stateLine("Asking for the tokens…");
  #table;
  element;

  constructor(app) {
    this.#app = app;
    this.#table = new Table({
      label: "Tokens", keyOf: ({ id }) => id, sort: { by: "Name" },
      empty: () => stateLine("No program has a token."),
      columns: [
        { name: "Name", class: "strong", text: ({ name }) => name },
        { name: "Speaks as", text: ({ bot }) => bot ?? "" },
        { name: "Scopes", class: "wide", text: ({ scopes }) => scopes.join(", ") },
        time("Last used", ({ used_at: at }) => at, "never"),
        time("Ends", ({ expires_at: at }) => at, "never"),
        { name: "Actions", class: "actions", update: (cell, token) => this.#updateActions(cell, token) },
      ],
    });
    this.#table.element.hidden = true;
    this.element = h("div", { class: "view" },
      h("div", { class: "toolbar" }, this.#count,
        h("button", { type: "button", class: "button primary right", on: { click: () => this.#add() } }, icon("plus"), "New token")),
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
      this.#tokens = (await this.#app.api.get("/admin/tokens")).tokens;
      this.#state.hidden = true;
      this.#table.element.hidden = false;
      this.#table.show(this.#tokens);
      this.#count.textContent = plural(this.#tokens.length, "token");
    } catch (error) {
      if (this.#tokens === null) this.#state.textContent = `${inWords(error)} Trying again…`;
    }
  }

  #updateActions(cell, token) {
    if (cell.firstElementChild) return;
    cell.append(h("button", { type: "button", class: "button small danger", "aria-label": `Remove the token ${token.name}`, on: { click: () => this.#remove(token) } }, "Remove…"));
  }

  #add() {
    const lives = h("select", { class: "input", name: "days" }, Object.entries(LIVES).map(([words, days]) => h("option", { value: days }, words)));
    ask({
      title: "New token",
      words: "A program shows its token with every call, and may do what the scopes say.",
      fields: [
        field("Name", textField("name", { required: true, autocapitalize: "none", maxlength: "23" }), "Its nickname, too, if it posts or reads."),
        field("Scopes", textField("scopes", { required: true, autocapitalize: "none", placeholder: "post:#dev" }),
          "With spaces between them: post:#dev, read:#dev, moderate:#dev (* for all channels), announce, log, private, users, bans, metrics, tokens, all."),
        field("Lasts", lives),
      ],
      action: "Make the token",
      run: async ({ name, scopes, days }) => {
        const life = Number(days) * DAY;
        const end = life > 0 ? { expires_at: new Date(Date.now() + life).toISOString() } : {};
        const made = await this.#app.api.post("/admin/tokens", { name: name.trim(), scopes: scopes.split(/[\s,]+/).filter(Boolean), ...end });
        this.#app.changed();
        // This question is closed first.
        setTimeout(() => showToken(made));
      },
    });
  }

  #remove(token) {
    ask({
      title: `Remove the token ${token.name}?`,
      words: "The program that has it can do nothing with it any more. This cannot be undone.",
      action: "Remove", isDangerous: true,
      run: async () => {
        await this.#app.api.remove(`/admin/tokens/${encodeURIComponent(token.id)}`);
        tell(`The token ${token.name} is removed.`);
        this.#app.changed();
      },
    });
  }
}

/** A column of times. */
function time(name, of, none) {
  return {
    name, text: (token) => of(token) ?? none, value: (token) => (of(token) ? Date.parse(of(token)) : Infinity),
    fill: (cell, token) => cell.replaceChildren(of(token)
      ? h("time", { datetime: of(token), title: fullTime(of(token)) }, new Date(of(token)).toLocaleDateString([], { dateStyle: "medium" })) : none),
  };
}

function showToken({ name, token }) {
  showSecrets(`The token ${name}`, "Put it where the program finds it, and nobody else. It is not shown again.", [{ name: "token", secret: token }]);
}
