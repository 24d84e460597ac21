// The accounts: found by the beginning of their names, given roles, disabled, enabled, deleted, and given a
// link for a new password. The server is asked for a page at a time.

import { h } from "../../../client/lib/dom.js";
import { at } from "../../../client/lib/place.js";
import { inWords, Refused } from "../model/api.js";
import { ask, field, stateLine, tell, textField } from "./dialog.js";
import { fullTime, plural } from "./format.js";
import { openInvitations } from "./invitations.js";
import { showSecrets } from "./secret.js";
import { Table } from "./table.js";

const PAGE = 100;
const ROLES = { none: "none", moderator: "moderator: kicks, bans, mutes, reads the chat log", administrator: "administrator: everything" };
/** Waits for the rest of what is being typed. */
const PAUSE = 250;

const pathOf = ({ username }, more = "") => `/admin/accounts/${encodeURIComponent(username)}${more}`;
const day = (time) => (time ? new Date(time).toLocaleDateString([], { dateStyle: "medium" }) : "");
const moment = (cell, time) => cell.replaceChildren(...(time ? [h("time", { datetime: time, title: fullTime(time) }, day(time))] : []));
const seen = (account) => (account.online ? "online" : day(account.last_seen_at));

export class Accounts {
  title = "Accounts";
  #app;
  #accounts = null;
  #more = false;
  #asked = 0;
  #typing = 0;
  #prefix = h("input", { type: "search", class: "input", placeholder: "Name begins with", "aria-label": "Find accounts by the beginning of their names", spellcheck: "false", autocapitalize: "none", on: { input: () => this.#typed() } });
  #count = h("span", { class: "count", role: "status" });
  #state = stateLine("Asking for the accounts…");
  #next = h("p", { class: "state", hidden: true }, h("button", { type: "button", class: "button", on: { click: () => this.#ask(true) } }, "Show more"));
  #table;
  element;

  constructor(app) {
    this.#app = app;
    this.#table = new Table({
      label: "Accounts", keyOf: ({ username }) => username, sort: { by: "Account" },
      empty: () => stateLine(this.#prefix.value.trim() === "" ? "There are no accounts." : "No account's name begins so."),
      columns: [
        { name: "Account", class: "strong", text: ({ username }) => username },
        { name: "State", text: ({ state }) => (state === "active" ? "" : state) },
        { name: "Role", text: ({ role }) => role ?? "" },
        { name: "Registered", text: ({ registered_at: time }) => day(time), value: ({ registered_at: time }) => Date.parse(time),
          fill: (cell, { registered_at: time }) => moment(cell, time) },
        { name: "Last seen", text: seen, value: (account) => (account.online ? Infinity : Date.parse(account.last_seen_at ?? 0)),
          fill: (cell, account) => (account.online ? cell.replaceChildren("online") : moment(cell, account.last_seen_at)) },
        { name: "Actions", class: "actions", update: (cell, account) => this.#updateActions(cell, account) },
      ],
    });
    this.#table.element.hidden = true;
    this.element = h("div", { class: "view" },
      h("div", { class: "toolbar" }, this.#prefix, this.#count,
        app.api.isAdministrator ? h("button", { type: "button", class: "button right", on: { click: () => openInvitations(this.#app.api) } }, "Invitations…") : null), this.#state, this.#table.element, this.#next);
  }

  start() {
    this.#ask();
  }

  stop() {
    clearTimeout(this.#typing);
  }

  changed() {
    this.#ask();
  }

  #typed() {
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => this.#ask(), PAUSE);
  }

  /** Asks for the first page, or for the one after those that are shown. */
  async #ask(isMore = false) {
    const number = (this.#asked += 1);
    const before = isMore ? this.#accounts : [];
    // What was shown stays shown, up to a limit.
    const limit = isMore ? PAGE : Math.min(Math.max(PAGE, this.#accounts?.length ?? 0), 500);
    try {
      const { accounts, more } = await this.#app.api.get("/admin/accounts", { prefix: this.#prefix.value.trim(), after: before.at(-1)?.username, limit });
      if (number !== this.#asked) return;
      this.#accounts = [...before, ...accounts];
      this.#more = more ?? false;
      this.#state.hidden = true;
      this.#table.element.hidden = false;
    } catch (error) {
      if (number !== this.#asked) return;
      // A beginning that no name can have, and the server away.
      this.#state.textContent = inWords(error);
      this.#state.hidden = false;
      this.#table.element.hidden = true;
      this.#accounts = null;
      this.#more = false;
    }
    this.#paint();
  }

  #paint() {
    this.#next.hidden = !this.#more;
    this.#count.textContent = this.#accounts === null ? "" : `${this.#more ? "the first " : ""}${plural(this.#accounts.length, "account")}`;
    if (this.#accounts !== null) this.#table.show(this.#accounts);
  }

  #updateActions(cell, account) {
    if (!this.#app.api.isAdministrator) return;
    // What the questions ask about is the account as it was when they were made.
    const shown = `${account.state} ${account.role}`;
    if (cell.shown === shown) return;
    cell.shown = shown;
    const button = (label, click, kind = "") => h("button", { type: "button", class: `button small ${kind}`, "aria-label": `${label} ${account.username}`, on: { click } }, `${label}…`);
    const actions = {
      active: () => [button("New password for", () => this.#reset(account)), button("Role of", () => this.#giveRole(account)), button("Disable", () => this.#disable(account)), button("Delete", () => this.#delete(account), "danger")],
      disabled: () => [button("Enable", () => this.#enable(account)), button("Delete", () => this.#delete(account), "danger")],
      deleted: () => [],
    };
    cell.replaceChildren(...actions[account.state]());
    const [first, second] = cell.querySelectorAll("button");
    if (account.state !== "active") return;
    first.textContent = "New password…";
    second.textContent = "Role…";
  }

  #giveRole(account) {
    const role = h("select", { class: "input", name: "role" },
      Object.entries(ROLES).map(([value, words]) => h("option", { value, selected: value === (account.role ?? "none") }, words)));
    ask({
      title: `The role of ${account.username}`,
      words: "It is in force at once, on all servers. The account signs in here with its name and password.",
      fields: [field("Role", role)],
      action: "Give the role",
      run: async ({ role }) => {
        await this.#app.api.patch(pathOf(account), { role });
        tell(`${account.username} ${role === "none" ? "has no role now" : `is ${role} now`}.`);
        this.#app.changed();
      },
    });
  }

  #reset(account) {
    ask({
      title: `A link for a new password of ${account.username}?`,
      words: "Whoever opens it sets a new password, once and within a day. A link from before is not valid any more; the present password is, until the new link is used.",
      action: "Make the link",
      run: async () => {
        const { link } = await this.#app.api.post(pathOf(account, "/reset"), {});
        // This question is closed first.
        setTimeout(() => showSecrets(`The link for ${account.username}`, "Give it to the owner alone: whoever has it can set the password. It is not shown again.", [{ name: "link", secret: at(link) }]));
      },
    });
  }

  #disable(account) {
    this.#change(account, {
      title: `Disable ${account.username}?`,
      words: "Its sign-ins and connections end at once, and its owner is told why. Name, messages and rooms stay. You can enable it again.",
      action: "Disable", isDangerous: true, disabled: true, done: "is disabled",
    });
  }

  #enable(account) {
    this.#change(account, {
      title: `Enable ${account.username}?`,
      words: "Its owner can log in again, with the password from before.",
      action: "Enable", disabled: false, done: "is enabled",
    });
  }

  #change(account, { disabled, done, ...question }) {
    ask({
      ...question,
      run: async () => {
        await this.#app.api.patch(pathOf(account), { disabled });
        tell(`${account.username} ${done}.`);
        this.#app.changed();
      },
    });
  }

  #delete(account) {
    ask({
      title: `Delete ${account.username} for good?`,
      words: "Password, name and address, sign-ins, rooms and what was read are gone. Messages stay unless they are erased, and so does the name, so that no one else can use it. Its channels go to their oldest operator. This cannot be undone.",
      fields: [
        h("label", { class: "check" }, h("input", { type: "checkbox", name: "erase" }), "Erase everything it has written, too"),
        field("Type the name of the account", textField("name", { required: true, autocapitalize: "none" })),
      ],
      action: "Delete", isDangerous: true,
      run: async ({ name, erase }) => {
        if (name.trim() !== account.username) throw new Refused(400, { message: `type ${account.username} to delete it`, field: "name" });
        await this.#app.api.remove(`${pathOf(account)}${erase ? "?messages=erase" : ""}`);
        tell(`${account.username} is deleted${erase ? ", and what it has written is being erased" : ""}.`);
        this.#app.changed();
      },
    });
  }
}
