// Answering a message: the bar above the message field, and what an answer shows of what it answers.

import { h, soon } from "../lib/dom.js";

/** How much of a message is shown where it is answered, in characters. */
const EXCERPT = 120;

export class Replying {
  #state;
  #input;
  #conversation = null;
  #words = h("span", { class: "excerpt" });
  element = h("p", { class: "hint editing", role: "status", hidden: true });

  constructor({ state }, input) {
    this.#state = state;
    this.#input = input;
    this.element.append(this.#words,
      h("button", { type: "button", class: "link", on: { click: () => this.#drop() } }, "Cancel"));
    // After a reload the message that is being answered comes later than the answer.
    state.on("stream", (conversation) => conversation === this.#conversation && this.reply && soon(this.#paint));
  }

  /** Another conversation is shown, with the answer that was begun there. */
  open(conversation) {
    this.#conversation = conversation;
    this.#paint();
  }

  begin({ id, from }) {
    this.#answer({ id, author: from });
    this.#input.focus();
  }

  /** The answer has been sent, or something else is being written. */
  leave() {
    this.#answer(null);
  }

  /** What the message that is sent says of the one it answers; null if it answers none. */
  get reply() {
    return this.#conversation?.answering ?? null;
  }

  #answer(reply) {
    if (this.#conversation) this.#state.setAnswering(this.#conversation, reply);
    this.#paint();
  }

  #paint = () => {
    const { reply } = this;
    const words = reply ? answeredWords(this, this.#state) : "";
    const line = reply ? `Reply to ${reply.author}${words && `: ${words}`}` : "";
    this.element.hidden = !reply;
    if (this.#words.textContent !== line) this.#words.textContent = line;
  };

  #drop() {
    this.leave();
    this.#input.focus();
  }

  key(event) {
    if (event.key !== "Escape" || !this.reply) return false;
    this.#drop();
    event.preventDefault();
    event.stopPropagation();
    return true;
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
