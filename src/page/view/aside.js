// The right column: the people of the room, or the results of a search.

import { byId, h, icon, iconButton, reconcile, soon } from "../lib/dom.js";
import { byName, fold } from "../model/names.js";
import { rank, roleMark } from "../model/rules.js";
import { marked } from "../text.js";
import { timeOrDay } from "../time.js";
import { avatar, plural, presence } from "./parts.js";

/** With more people than this, a search field is shown. */
const MANY = 12;

export class Aside {
  #app;
  #box = byId("aside");
  #mode = "";
  #people = null;
  #filter = "";

  constructor(app) {
    this.#app = app;
    app.state.on("members", (room) => room === app.state.active && soon(this.#paint));
    app.state.on("active", () => {
      this.#filter = "";
      if (this.#mode === "people") this.#frame();
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
    if (mode) this.#frame(query);
    this.#place();
  }

  /** In direct messages there is no one to list, and nothing to search. */
  #place() {
    const { active } = this.#app.state;
    const isNeeded = this.#mode !== "" && (!active || active.isRoom);
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
    const everybody = active.isRoom ? [...active.members.values()] : [active.name, state.me];
    const filter = this.#box.querySelector("input");
    filter.hidden = everybody.length <= MANY;
    const count = active.moreMembers ? Math.max(active.count, everybody.length) : everybody.length;
    const title = active.isRoom ? plural(count, "person", "people") : "People";
    this.#box.querySelector("h2").textContent = everybody.length > 0 ? title : "People";
    const wanted = filter.hidden ? "" : fold(this.#filter);
    const people = everybody.filter((name) => fold(name).includes(wanted)).sort(this.#byRole).slice(0, 500);
    reconcile(this.#people, people, (name) => this.#look(name), (name) => this.#person(name));
  };

  /** The founder first, then operators and those with voice. */
  #byRole = (one, other) => {
    const { active } = this.#app.state;
    return rank(active.roleOf(other)) - rank(active.roleOf(one)) || byName(one, other);
  };

  #look(name) {
    const { state } = this.#app;
    return [name, state.active.roleOf(name), state.awayOf(name), state.isIgnored(name), this.#isOnline(name), state.isMe(name)].join("|");
  }

  #isOnline(name) {
    const { state } = this.#app;
    return state.active.isRoom || state.isMe(name) || state.active.online;
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
      away !== null && h("span", { class: "count" }, "away"),
      state.isMe(name) && h("span", { class: "count" }, "you"),
      isIgnored && h("span", { class: "count" }, "ignored")));
  }

  // Search -------------------------------------------------------------------

  #searchFrame(query) {
    const { state, chat } = this.#app;
    const input = h("input", { class: "input", type: "search", placeholder: "Words to find", "aria-label": "Words to find", value: query, enterkeyhint: "search" });
    const find = () => input.value.trim() && state.active?.isRoom && chat.search(state.active, input.value.trim());
    this.#box.setAttribute("aria-label", "Search");
    this.#box.replaceChildren(
      h("header", {}, h("h2", {}, "Search"), iconButton("close", "Close the search", () => this.#app.closeAside())),
      h("form", { class: "search", role: "search", on: {
        submit: (event) => {
          event.preventDefault();
          find();
        },
      } }, icon("search"), input),
      h("p", { class: "summary", role: "status" }),
      h("ul", { class: "found" }));
    state.search = { query: "", room: null, results: null, busy: false };
    this.#paintFound();
    input.focus();
    if (query) find();
  }

  #paintFound = () => {
    if (this.#mode !== "search") return;
    const { query, results, more, busy, room } = this.#app.state.search;
    const where = this.#app.state.active?.title ?? "";
    this.#box.querySelector(".summary").textContent = busy ? "Searching…"
      : results === null ? `Finds messages in ${where} that have all the words.`
        : results.length > 0 ? `${plural(results.length, "message")} in ${room.title}, newest first${more ? ", and maybe more" : ""}`
          : more ? `Nothing so far in ${room.title} has “${query}”: the search took too long and has not come to the oldest messages.`
            : `Nothing in ${room.title} has “${query}”.`;
    const found = (results ?? []).map((result) => h("li", {}, h("button", {
      type: "button", on: { click: () => this.#app.jumpTo(room, result) },
    },
    avatar(result.from, "small"),
    h("span", { class: "by" }, h("strong", {}, result.from), h("time", {}, timeOrDay(result.at))),
    h("span", { class: "excerpt" }, marked(excerpt(result.body, query), query)))));
    this.#box.querySelector(".found").replaceChildren(...found);
  };
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
