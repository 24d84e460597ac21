// Lists the users who are online, and disconnects them.

import { h } from "../../../client/lib/dom.js";
import { inWords, Refused } from "../model/api.js";
import { Repeat } from "../model/live.js";
import { askToBan } from "./ban.js";
import { ask, field, stateLine, tell, textField } from "./dialog.js";
import { ago, fullTime, plural } from "./format.js";
import { askToKick } from "./kick.js";
import { Table } from "./table.js";

const EVERY = 3_000;
/** Of a user on another server, this one knows only which server. */
const whole = (user) => (user.address === undefined ? { ...user, elsewhere: true, protocol: "", address: `on ${user.node}`, since: null } : user);
const keyOf = ({ nickname, address }) => `${nickname} ${address}`;

export class People {
  title = "People";
  #app;
  #users = null;
  #more = false;
  #selected = new Set();
  #repeat = new Repeat(() => this.#ask(), EVERY);
  #filter = h("input", { type: "search", class: "input", placeholder: "Filter by anything", "aria-label": "Filter people", spellcheck: "false", on: { input: () => this.#paint() } });
  #protocol = h("select", { class: "input", "aria-label": "Protocol", on: { change: () => this.#paint() } }, h("option", { value: "" }, "Every protocol"));
  #count = h("span", { class: "count", role: "status" });
  #all = h("input", { type: "checkbox", "aria-label": "Select all shown", on: { change: () => this.#selectAll() } });
  #bulk = h("div", { class: "bulk", hidden: true });
  #state = stateLine("Asking who is online…");
  #table;
  #body;
  element;

  constructor(app) {
    this.#app = app;
    this.#table = new Table({
      label: "People", keyOf, sort: { by: "Nickname" },
      empty: () => stateLine(this.#users.length === 0 ? "No one is online." : "No user fits the filter."),
      columns: [
        { name: "Select", class: "narrow", heading: this.#all, update: (cell, row) => this.#updateBox(cell, row) },
        { name: "Nickname", class: "strong", text: ({ nickname }) => nickname },
        { name: "Protocol", text: ({ protocol }) => protocol },
        { name: "Address", class: "mono", text: ({ address }) => address },
        { name: "On for", text: ({ since }) => (since ? ago(since) : ""), value: ({ since }) => (since ? -Date.parse(since) : 0),
          fill: (cell, { since }) => cell.replaceChildren(...(since ? [h("time", { datetime: since, title: `since ${fullTime(since)}` }, ago(since))] : [])) },
        { name: "Channels", class: "wide", text: ({ channels }) => channels.map((name) => `#${name}`).join(" ") },
        { name: "Actions", class: "actions", update: (cell, row) => this.#updateActions(cell, row) },
      ],
    });
    this.#body = h("div", { hidden: true }, this.#bulk, this.#table.element);
    this.element = h("div", { class: "view" },
      h("div", { class: "toolbar" }, this.#filter, this.#protocol, this.#count,
        app.api.isAdministrator ? h("button", { type: "button", class: "button right", on: { click: () => askForPassword(app) } }, "New password…") : null), this.#state, this.#body);
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
      const { users, more } = await this.#app.api.get("/admin/users");
      this.#users = users.map(whole);
      this.#more = more ?? false;
      this.#state.hidden = true;
      this.#body.hidden = false;
      this.#paint();
    } catch (error) {
      if (this.#users === null) this.#state.textContent = `${inWords(error)} Trying again…`;
    }
  }

  #shown() {
    const wanted = this.#filter.value.trim().toLowerCase();
    const protocol = this.#protocol.value;
    return this.#users.filter((user) => (protocol === "" || user.protocol === protocol)
      && [user.nickname, user.protocol, user.address, ...user.channels.map((name) => `#${name}`)].some((word) => word.toLowerCase().includes(wanted)));
  }

  #paint() {
    if (this.#users === null) return;
    this.#paintProtocols();
    const keys = new Set(this.#users.map(keyOf));
    for (const key of this.#selected) if (!keys.has(key)) this.#selected.delete(key);
    const shown = this.#shown();
    this.#table.show(shown);
    const all = `${this.#more ? "the first " : ""}${plural(this.#users.length, "connection")}`;
    this.#count.textContent = shown.length === this.#users.length ? all : `${shown.length} of ${all}`;
    const chosen = shown.filter((user) => this.#selected.has(keyOf(user)));
    this.#all.checked = chosen.length > 0 && chosen.length === shown.length;
    this.#all.indeterminate = chosen.length > 0 && chosen.length < shown.length;
    this.#paintBulk();
  }

  #paintProtocols() {
    const names = [...new Set(this.#users.map(({ protocol }) => protocol))].filter(Boolean).sort();
    const { value } = this.#protocol;
    if (value !== "" && !names.includes(value)) names.push(value);
    if (this.#protocol.names === names.join(" ")) return;
    this.#protocol.names = names.join(" ");
    this.#protocol.replaceChildren(h("option", { value: "" }, "Every protocol"), ...names.map((name) => h("option", { value: name }, name)));
    this.#protocol.value = value;
  }

  #paintBulk() {
    const people = this.#people(this.#users.filter((user) => this.#selected.has(keyOf(user))));
    this.#bulk.hidden = people.length === 0;
    const words = `${plural(people.length, "person", "people")} selected`;
    if (!this.#bulk.hasChildNodes()) {
      const selected = () => this.#people(this.#users.filter((user) => this.#selected.has(keyOf(user))));
      this.#bulk.append(h("span", {}),
        h("button", { type: "button", class: "button small danger", on: { click: () => askToKick(this.#app, selected()) } }, "Disconnect…"),
        h("button", { type: "button", class: "button small", on: { click: () => { this.#selected.clear(); this.#paint(); } } }, "Clear"));
    }
    this.#bulk.firstElementChild.textContent = words;
  }

  /** Each nickname once, with the number of connections to be ended. */
  #people(users) {
    return [...new Set(users.map(({ nickname }) => nickname))].map((nickname) => (
      { nickname, connections: this.#users.filter((user) => user.nickname === nickname).length }));
  }

  #selectAll() {
    for (const user of this.#shown()) {
      if (this.#all.checked) this.#selected.add(keyOf(user));
      else this.#selected.delete(keyOf(user));
    }
    this.#paint();
  }

  #updateBox(cell, user) {
    const key = keyOf(user);
    if (!cell.firstElementChild) {
      const change = ({ target }) => {
        if (target.checked) this.#selected.add(key);
        else this.#selected.delete(key);
        this.#paint();
      };
      cell.append(h("input", { type: "checkbox", "aria-label": `Select ${user.nickname}`, on: { change } }));
    }
    cell.firstElementChild.checked = this.#selected.has(key);
    cell.parentElement.classList.toggle("selected", this.#selected.has(key));
  }

  #updateActions(cell, user) {
    if (cell.firstElementChild) return;
    const { nickname } = user;
    const address = user.elsewhere ? undefined : user.address.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
    const button = (label, click) => h("button", { type: "button", class: "button small", "aria-label": `${label} ${nickname}`, on: { click } }, `${label}…`);
    cell.append(
      button("Disconnect", () => askToKick(this.#app, this.#people([user]))),
      button("Ban", () => askToBan(this.#app, { nickname, address })));
  }
}

/** A new password for an account, online or not. */
function askForPassword(app) {
  ask({
    title: "New password for an account",
    words: "For an account the owner of which has lost the password. Its sign-ins and connections end.",
    fields: [
      field("Account", textField("username", { required: true, autocapitalize: "none" })),
      field("New password", textField("password", { required: true, autocapitalize: "none" }), "8 to 1,024 bytes. Tell it to the owner, who can change it."),
    ],
    action: "Set the password",
    isDangerous: true,
    run: async ({ username, password }) => {
      const name = username.trim();
      if (name === "") throw new Refused(400, { message: "say which account", field: "username" });
      const changed = await app.api.put(`/admin/accounts/${encodeURIComponent(name)}/password`, { password });
      tell(`${changed.username} has the new password.`);
      app.changed();
    },
  });
}
