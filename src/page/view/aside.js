// The right column: the people of the room, or the results of a search.

import { byId, h, icon, iconButton, reconcile, soon } from "../lib/dom.js";
import { byName, fold } from "../model/names.js";
import { rank, roleMark } from "../model/rules.js";
import { marked } from "../text.js";
import { fullTime, timeOrDay } from "../time.js";
import { avatar, botMark, plural, presence } from "./parts.js";

/** With more people than this, a search field is shown. */
const MANY = 12;

export class Aside {
  #app;
  #box = byId("aside");
  #mode = "";
  #people = null;
  #filter = "";
  /** Folded names of those who belong to the room and are not here. */
  #off = new Set();

  constructor(app) {
    this.#app = app;
    app.state.on("members", (room) => room === app.state.active && soon(this.#paint));
    app.state.on("active", () => {
      this.#filter = "";
      if (this.#mode === "people") this.#frame();
      if (this.#mode === "search") this.#elsewhere();
      this.#place();
    });
    app.state.on("found", () => soon(this.#paintFound));
  }

  /** "people", "search" or nothing. */
  get mode() {
    return this.#mode;
  }

  show(mode, query = "") {
    this.#mode = mode;
    // First: a field that is not shown cannot take the focus, and what is typed would go elsewhere.
    this.#place();
    if (mode) this.#frame(query);
  }

  /** In direct messages there is no one to list. */
  #place() {
    const { active } = this.#app.state;
    const isNeeded = this.#mode === "search" || (this.#mode === "people" && (!active || active.isRoom));
    this.#box.hidden = !isNeeded;
    document.documentElement.dataset.aside = isNeeded ? this.#mode : "";
    this.#app.state.emit("aside");
  }

  #frame(query = "") {
    if (this.#mode === "search") return this.#searchFrame(query);
    this.#people = h("ul", { class: "people" });
    this.#box.setAttribute("aria-label", "People");
    const filter = h("input", {
      class: "input", type: "search", placeholder: "Find a person", "aria-label": "Find a person", hidden: true, on: {
        input: (event) => {
          this.#filter = event.target.value;
          this.#paint();
          this.#app.chat.findMembers(this.#app.state.active, this.#filter.trim().replace(/^@/, ""));
        },
      },
    });
    this.#box.replaceChildren(
      h("header", {}, h("h2", {}, "People"), iconButton("close", "Close", () => this.#app.closeAside())),
      filter, this.#people);
    this.#paint();
  }

  #paint = () => {
    const { state } = this.#app;
    if (this.#mode !== "people" || !state.active) return;
    const { active } = state;
    const here = active.isRoom ? [...active.members.values()] : [active.name, state.me];
    const off = (active.off ?? []).filter((name) => !active.members.has(fold(name)));
    this.#off = new Set(off.map(fold));
    const everybody = [...here, ...off];
    const filter = this.#box.querySelector("input");
    filter.hidden = everybody.length <= MANY;
    const count = active.moreMembers ? Math.max(active.count, here.length) : here.length;
    const title = active.isRoom ? plural(count, "person", "people") + (this.#off.size > 0 ? ` here, ${this.#off.size} off` : "") : "People";
    this.#box.querySelector("h2").textContent = everybody.length > 0 ? title : "People";
    const wanted = filter.hidden ? "" : fold(this.#filter);
    const people = everybody.filter((name) => fold(name).includes(wanted)).sort(this.#byRole).slice(0, 500);
    reconcile(this.#people, people, (name) => this.#look(name), (name) => this.#person(name));
  };

  /** The founder first, then operators and those with voice; those who are not here last. */
  #byRole = (one, other) => {
    const { active } = this.#app.state;
    const isOff = (name) => Number(this.#off.has(fold(name)));
    return isOff(one) - isOff(other) || rank(active.roleOf(other)) - rank(active.roleOf(one)) || byName(one, other);
  };

  #look(name) {
    const { state } = this.#app;
    return [name, state.active.roleOf(name), state.awayOf(name), state.isIgnored(name), this.#isOnline(name), state.isMe(name), this.#isBot(name)].join("|");
  }

  #isBot(name) {
    return this.#app.state.active.bots?.has(fold(name));
  }

  #isOnline(name) {
    const { state } = this.#app;
    return state.active.isRoom ? !this.#off.has(fold(name)) : state.isMe(name) || state.active.online;
  }

  #person(name) {
    const { state } = this.#app;
    const isIgnored = state.isIgnored(name);
    const role = state.active.roleOf(name);
    const away = state.awayOf(name);
    return h("li", {}, h("button", { type: "button", class: away === null ? "row-button" : "row-button away", title: away, "aria-haspopup": "menu", data: { user: name } },
      h("span", { class: "with-presence" }, avatar(name, "small"), presence(this.#isOnline(name))),
      role && h("span", { class: "role", title: role },
        h("span", { "aria-hidden": "true" }, roleMark(role)), h("span", { class: "unseen" }, role)),
      h("span", { class: "label" }, name),
      this.#isBot(name) && botMark(),
      away !== null && h("span", { class: "count" }, "away"),
      state.isMe(name) && h("span", { class: "count" }, "you"),
      isIgnored && h("span", { class: "count" }, "ignored")));
  }

  // Search -------------------------------------------------------------------

  #searchFrame(query) {
    const { state, chat } = this.#app;
    const input = h("input", { class: "input", type: "search", placeholder: "Words to find", "aria-label": "Words to find", value: query, enterkeyhint: "search" });
    const all = h("input", { type: "checkbox", on: { change: () => find() } });
    const find = () => {
      const words = input.value.trim();
      if (words && state.active) chat.search.start(all.checked && state.active.isRoom ? null : state.active, words);
    };
    this.#box.setAttribute("aria-label", "Search");
    this.#box.replaceChildren(
      h("header", {}, h("h2", {}, "Search"), iconButton("close", "Close the search", () => this.#app.closeAside())),
      h("form", { class: "search", role: "search", on: {
        submit: (event) => {
          event.preventDefault();
          find();
        },
      } }, icon("search"), input),
      h("label", { class: "check everywhere" }, all, "In all my rooms"),
      h("p", { class: "summary", role: "status" }),
      h("ul", { class: "found" }),
      h("button", { type: "button", class: "button small older", hidden: true, on: { click: () => chat.search.more() } }, "Older ones"));
    state.search = { query: "", room: null, results: null, busy: false };
    this.#paintFound();
    input.focus();
    if (query) find();
  }

  /** Another conversation is shown: what was found elsewhere stays, other words are for this one. */
  #elsewhere() {
    const { state } = this.#app;
    if (state.search.results === null && !state.search.busy) state.search = { query: "", room: null, results: null, busy: false };
    this.#paintFound();
  }

  #paintFound = () => {
    if (this.#mode !== "search") return;
    const { conversations, active, search } = this.#app.state;
    const { query, results, more, busy, room } = search;
    this.#box.querySelector(".summary").textContent = summary(search, active);
    this.#box.querySelector("h2").dataset.paper = query ? `Search for “${query}”` : "Search";
    this.#box.querySelector(".everywhere").hidden = Boolean(active && !active.isRoom);
    this.#box.querySelector(".older").hidden = busy || !more || Boolean(room && !room.isRoom);
    const found = (results ?? []).filter(({ key }) => conversations.has(key)).map((result) => h("li", {}, h("button", {
      type: "button", on: { click: () => this.#app.jumpTo(conversations.get(result.key), result.id) },
    },
    avatar(result.from, "small"),
    h("span", { class: "by" }, h("strong", {}, result.from), !room && h("span", { class: "where" }, conversations.get(result.key).title), h("time", { data: { paper: fullTime(result.at) } }, timeOrDay(result.at))),
    h("span", { class: "excerpt", data: { paper: result.body } }, marked(excerpt(result.body, query), query)))));
    this.#box.querySelector(".found").replaceChildren(...found);
  };
}

function summary({ query, results, more, busy, room, why }, active) {
  if (busy) return "Searching…";
  if (why) return why;
  if (results === null) {
    if (!active) return "";
    return active.isRoom
      ? `Finds messages in ${active.title} that have all the words, or words that begin with them.`
      : `Finds messages between you and ${active.title}, also by parts of words.`;
  }
  const where = room ? (room.isRoom ? room.title : `your messages with ${room.title}`) : "your rooms";
  if (results.length > 0) return `${plural(results.length, "message")} in ${where}, newest first${more ? ", and maybe more" : ""}`;
  return more ? `Nothing so far in ${where} has “${query}”: the search has not come to the oldest messages.` : `Nothing in ${where} has “${query}”.`;
}

/** The part of a long text in which the first of the words is. */
function excerpt(body, query) {
  const text = body.replace(/\s+/g, " ");
  const word = query.split(/\s+/)[0].toLowerCase();
  const at = Math.max(0, text.toLowerCase().indexOf(word) - 60);
  const from = at > 0 ? text.indexOf(" ", at) + 1 : 0;
  const rest = text.slice(from, from + 200);
  const isAll = from + 200 >= text.length;
  return (from > 0 ? "… " : "") + (isAll ? rest : `${rest.slice(0, rest.lastIndexOf(" "))} …`);
}
