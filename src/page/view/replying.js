// Answering a message: the bar above the message field, and what an answer shows of what it answers.

import { h } from "../lib/dom.js";

/** How much of a message is shown where it is answered, in characters. */
const EXCERPT = 120;

export class Replying {
  #input;
  #conversation = null;
  #words = h("span", { class: "excerpt" });
  element = h("p", { class: "hint editing", role: "status", hidden: true });

  constructor(input) {
    this.#input = input;
    this.element.append(this.#words,
      h("button", { type: "button", class: "link", on: { click: () => this.#drop() } }, "Cancel"));
  }

  /** Another conversation is shown, with the answer that was begun there. */
  open(conversation) {
    this.#conversation = conversation;
    this.#paint();
  }

  begin(item) {
    this.#conversation.answering = item;
    this.#paint();
    this.#input.focus();
  }

  /** The answer has been sent, or something else is being written. */
  leave() {
    if (this.#conversation) this.#conversation.answering = null;
    this.#paint();
  }

  /** The message that is being answered. */
  get item() {
    return this.#conversation?.answering ?? null;
  }

  #paint() {
    const { item } = this;
    this.element.hidden = !item;
    this.#words.textContent = item ? `Reply to ${item.from}: ${excerpt(item.body)}` : "";
  }

  #drop() {
    this.leave();
    this.#input.focus();
  }

  key(event) {
    if (event.key !== "Escape" || !this.item) return false;
    this.#drop();
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  /** What the message that is sent says of the one it answers. */
  get reply() {
    return this.item && { id: this.item.id, author: this.item.from };
  }
}

/** The beginning of a message as one line: without what it quotes, if it says more, and without the marks of code. */
export function excerpt(body) {
  const said = body.replace(/^> .*$/gm, "");
  const line = (said.trim() === "" ? body : said).replace(/```(?:[\w+-]*\n)?/g, " ").replace(/`([^`\n]+)`/g, "$1").replace(/\s+/g, " ").trim();
  return line.length > EXCERPT ? `${line.slice(0, EXCERPT)}…` : line;
}

/** What an answer shows of what it answers; empty if that is not in memory. */
export function answeredWords({ reply }, state) {
  const answered = reply && state.active?.find(reply.id);
  if (!answered || state.isIgnored(reply.author)) return "";
  return answered.notice === "gone" ? "a message that was deleted" : excerpt(answered.body ?? "");
}

/** The line above the text of an answer; it leads to what is answered. */
export function answeredLine(item, state) {
  const words = answeredWords(item, state);
  return h("button", { type: "button", class: "answered", tabindex: "-1", data: { answered: item.reply.id } },
    h("span", { class: "unseen" }, "Reply to "), h("strong", {}, item.reply.author), words && ` ${words}`);
}
