// The list that completes what is being typed: /commands, @people, #rooms
// and :emoji:.

import { h } from "../lib/dom.js";
import { COMMANDS } from "../commands.js";
import { searchEmoji } from "../emoji.js";
import { fold } from "../model/names.js";
import { avatar } from "./parts.js";

const MOST = 60;
const WORD = /(?:^|\s)([@#:])([\p{L}\p{M}\p{N}_+-]*)$/u;

export class Completion {
  list = h("ul", { id: "completion", class: "completion", role: "listbox", tabindex: "0", "aria-label": "Completions", hidden: true });
  #input;
  #app;
  #options = [];
  #chosen = 0;
  #from = 0;
  #turn = 0;

  constructor(input, app) {
    this.#input = input;
    this.#app = app;
    // Not at once: the focus may have moved to the list itself.
    input.addEventListener("blur", () => setTimeout(() => document.activeElement !== input && this.close(), 150));
  }

  async update() {
    const turn = (this.#turn += 1);
    const typed = this.#input.value.slice(0, this.#input.selectionStart);
    const options = await this.#find(typed);
    if (turn === this.#turn) this.#show(options);
  }

  close() {
    this.#turn += 1;
    this.#show([]);
  }

  /** Whether a key was for the list. */
  key(event) {
    if (this.#options.length === 0) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) this.#choose((this.#chosen + step + this.#options.length) % this.#options.length);
    else if (event.key === "Tab" || (event.key === "Enter" && !this.#isTyped() && !this.#isBare())) this.#accept(this.#chosen);
    else if (event.key === "Escape") this.close();
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  /** Whether the choice is what has been typed already: Enter then sends it. */
  #isTyped() {
    const typed = this.#input.value.slice(this.#from, this.#input.selectionStart);
    return typed === this.#options[this.#chosen].text.trim();
  }

  /** Whether there is only the sign that begins a name, which may be meant as it is. */
  #isBare() {
    return this.#input.selectionStart - this.#from === 1 && /[@#]/.test(this.#input.value[this.#from]);
  }

  async #find(typed) {
    const command = /^\/(\w*)$/.exec(typed);
    if (command) {
      this.#from = 0;
      return COMMANDS.filter(({ name }) => name.startsWith(command[1].toLowerCase())).map(({ name, takes, does }) => ({
        text: takes ? `/${name} ` : `/${name}`, label: `/${name}`, more: takes, right: does,
      }));
    }
    const word = WORD.exec(typed);
    if (!word) return [];
    const [, kind, start] = word;
    this.#from = typed.length - start.length - 1;
    const { state } = this.#app;
    if (kind === "@") {
      const inRoom = state.active?.members ?? new Map();
      const people = ranked(state.people.filter((name) => !state.isMe(name)), start);
      people.sort((one, other) => inRoom.has(fold(other)) - inRoom.has(fold(one)));
      return people.map((name) => ({ text: `@${name} `, label: name, picture: avatar(name, "small") }));
    }
    if (kind === "#") {
      const rooms = ranked(state.rooms.map(({ name }) => name), start);
      return rooms.map((name) => ({ text: `#${name} `, label: `#${name}` }));
    }
    if (start.length < 2) return [];
    const found = await searchEmoji(start, MOST);
    return found.map(({ emoji, name }) => ({ text: `${emoji} `, label: `:${name}:`, picture: h("span", { class: "emoji" }, emoji) }));
  }

  #show(options) {
    this.#options = options.slice(0, MOST);
    this.list.hidden = this.#options.length === 0;
    this.list.replaceChildren(...this.#options.map((option, index) =>
      h("li", {
        id: `completion-${index}`, role: "option", on: {
          mousedown: (event) => event.preventDefault(),
          click: () => this.#accept(index),
        },
      }, option.picture ?? "", h("span", { class: "label" }, option.label),
      option.more && h("span", { class: "more" }, option.more),
      option.right && h("span", { class: "right" }, option.right))));
    this.#choose(0);
  }

  #choose(index) {
    this.#chosen = index;
    [...this.list.children].forEach((element, at) => element.setAttribute("aria-selected", String(at === index)));
    if (this.#options.length > 0) this.#input.setAttribute("aria-activedescendant", `completion-${index}`);
    else this.#input.removeAttribute("aria-activedescendant");
    this.list.children[index]?.scrollIntoView({ block: "nearest" });
  }

  #accept(index) {
    const { text } = this.#options[index];
    this.#input.setRangeText(text, this.#from, this.#input.selectionStart, "end");
    this.close();
    this.#input.dispatchEvent(new Event("input", { bubbles: true }));
    this.#input.focus();
  }
}

function ranked(all, start) {
  const wanted = fold(start);
  const begins = all.filter((name) => fold(name).startsWith(wanted));
  const contains = all.filter((name) => !fold(name).startsWith(wanted) && fold(name).includes(wanted));
  return [...begins, ...contains];
}
