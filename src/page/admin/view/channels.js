// The channels and their members.

import { h } from "../../../client/lib/dom.js";
import { inWords } from "../model/api.js";
import { Repeat } from "../model/live.js";
import { ask, field, inform, stateLine, tell, textField } from "./dialog.js";
import { count, fullTime, plural } from "./format.js";
import { Table } from "./table.js";

const EVERY = 3_000;
/** Names of members in the document, for each channel. */
const NAMES = 100;
/** Pages of the list that are asked for at most. */
const MOST_PAGES = 20;

export class Channels {
  title = "Channels";
  #app;
  #channels = null;
  #more = false;
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
        { name: "Topic", class: "wide", text: ({ topic }) => topic?.text ?? "" },
        { name: "Rules", text: ({ registered, founder, rules }) => [registered ? `registered${founder ? ` by ${founder}` : ""}` : "", ...inForce(rules)].filter(Boolean).join(", ") },
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
      await this.#askForAll();
      this.#state.hidden = true;
      this.#table.element.hidden = false;
      this.#paint();
    } catch (error) {
      if (this.#channels === null) this.#state.textContent = `${inWords(error)} Trying again…`;
    }
  }

  async #askForAll() {
    const all = [];
    let after = null;
    for (let pages = 0; pages < MOST_PAGES; pages += 1) {
      const { channels, more } = await this.#app.api.get("/admin/channels", { after });
      all.push(...channels);
      this.#more = Boolean(more);
      if (!more) break;
      after = channels.at(-1).name;
    }
    this.#channels = all;
  }

  #paint() {
    if (this.#channels === null) return;
    const wanted = this.#filter.value.trim().toLowerCase();
    const shown = this.#channels.filter(({ name, members, topic }) => [`#${name}`, topic?.text ?? "", ...members].some((word) => word.toLowerCase().includes(wanted)));
    this.#table.show(shown);
    const all = `${this.#more ? "the first " : ""}${plural(this.#channels.length, "channel")}`;
    this.#count.textContent = shown.length === this.#channels.length ? all : `${shown.length} of ${all}`;
  }

  #updateActions(cell, { name }) {
    if (cell.firstElementChild) return;
    const button = (label, words, click) => h("button", { type: "button", class: "button small", "aria-label": words, on: { click } }, label);
    cell.append(
      button("Details…", `Details of #${name}`, () => this.#showAll(name)),
      button("Keep…", `How long the messages of #${name} are kept`, () => this.#keep(name)),
      button("Log", `Log of #${name}`, () => this.#app.openLog({ channel: name })));
  }

  /** Asks how long the messages of a channel are kept. */
  async #keep(name) {
    const path = `/admin/channels/${encodeURIComponent(name)}/keeping`;
    try {
      const { days, messages, hold } = await this.#app.api.get(path);
      ask({
        title: `Messages of #${name}`, action: "Save",
        words: "What is older, or beyond the number, is removed within a minute, and cannot be brought back.",
        fields: [
          field("Days", textField("days", { inputmode: "numeric", value: String(days) }), "0: as for all channels."),
          field("Messages", textField("messages", { inputmode: "numeric", value: String(messages) }), "At least 20; 0: as for all channels."),
          h("label", { class: "check" }, h("input", { type: "checkbox", name: "hold", checked: hold }), "On hold: nothing is removed, edited or deleted, by no one"),
        ],
        run: async (form) => {
          await this.#app.api.put(path, { days: number(form.days), messages: number(form.messages), hold: form.hold === "on" });
          tell(form.hold === "on" ? `#${name} is on hold.` : `Saved for #${name}.`);
        },
      });
    } catch (error) {
      tell(inWords(error));
    }
  }

  async #showAll(name) {
    try {
      const channel = await this.#app.api.get(`/admin/channels/${encodeURIComponent(name)}`);
      const lines = details(channel).filter(([, text]) => text);
      inform(`#${channel.name}`, h("dl", { class: "rules" }, lines.flatMap(([term, text]) => [h("dt", {}, term), h("dd", {}, text)])));
    } catch (error) {
      tell(inWords(error));
    }
  }
}

/** What is written as a number; the server says what is wrong with anything else. */
const number = (written) => (/^\d+$/.test(written.trim()) ? Number(written) : written);

const names = (members) => (members.length === 0 ? "nobody"
  : members.slice(0, NAMES).join(", ") + (members.length > NAMES ? ` and ${count(members.length - NAMES)} more` : ""));

/** The rules that are in force, in a few words. */
function inForce({ key, limit, history, slow_seconds: slow, ...flags }) {
  const words = Object.entries(flags).filter(([, isOn]) => isOn === true).map(([name]) => name.replaceAll("_", " "));
  if (key) words.push("key");
  if (limit) words.push(`at most ${count(limit)}`);
  if (history === "since") words.push("history since joining");
  if (slow) words.push(`slow: ${count(slow)} s`);
  return words;
}

/** All that there is to know of a channel: what, and in which words. */
function details({ members, topic, founder, registered, registered_at: since, rules, roles, accounts, lists, links }) {
  const listed = (entries) => (entries ?? []).map(({ mask, by, expires_at: until, reason }) =>
    [mask, by && `by ${by}`, until && `until ${fullTime(until)}`, reason && `“${reason}”`].filter(Boolean).join(", ")).join("\n");
  return [
    ["Topic", topic && `${topic.text} (${topic.by}, ${fullTime(topic.at)})`],
    ["Registered", registered && [founder ? `by ${founder}` : "yes", since && fullTime(since)].filter(Boolean).join(", ")],
    ["Rules", inForce(rules).join(", ") || "none"],
    ["Key", rules.key],
    ["Members", names(members)],
    ["Roles", Object.entries(roles).map(([name, role]) => `${name}: ${role}`).join("\n")],
    ["Accounts", accounts.map(({ name, role }) => `${name}: ${role}`).join("\n")],
    ["Banned", listed(lists.ban)], ["Muted", listed(lists.mute)], ["Excepted", listed(lists.except)], ["Invited", listed(lists.invite)],
    ["Invitation links", links.length > 0 ? plural(links.length, "link") : ""],
  ];
}
