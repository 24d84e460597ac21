// Full-text search of messages, in channels and between two users.

import { h } from "../../../client/lib/dom.js";
import { inWords } from "../model/api.js";
import { ask, field, stateLine, tell, textField } from "./dialog.js";
import { fullTime, plural } from "./format.js";

const PAGE = 100;

export class Messages {
  title = "Messages";
  #app;
  #query = null;
  #searches = 0;
  #next;
  #words = h("input", { class: "input", type: "search", name: "q", autocomplete: "off", spellcheck: "false" });
  #channel = textField("channel", { placeholder: "any" });
  #summary = h("p", { class: "count", role: "status" });
  #mistake = h("p", { class: "notice-box", role: "alert" });
  #list = h("ol", { class: "found" });
  #more = h("button", { type: "button", class: "button", hidden: true, on: { click: () => this.#fetch() } }, "Show older ones");
  element;

  constructor(app) {
    this.#app = app;
    const submit = (event) => {
      event.preventDefault();
      this.#search();
    };
    this.element = h("div", { class: "view" },
      h("form", { class: "filters", role: "search", on: { submit } },
        h("div", { class: "grow" }, field("Words", this.#words)), field("Channel", this.#channel),
        h("button", { type: "submit", class: "button primary" }, "Search")),
      this.#mistake, this.#summary, this.#list, this.#more);
    this.#list.append(h("li", {}, stateLine("All words must be there, in any order; case and accents do not matter.")));
  }

  start() {
    this.#words.focus({ preventScroll: true });
  }

  stop() {}

  #search() {
    this.#query = { q: this.#words.value.trim(), channel: this.#channel.value.trim().replace(/^#/, "") };
    this.#list.replaceChildren();
    this.#next = undefined;
    this.#more.hidden = true;
    this.#summary.textContent = "Searching…";
    this.#fetch();
  }

  async #fetch() {
    const number = (this.#searches += 1);
    const before = this.#next;
    this.#mistake.textContent = "";
    this.#more.disabled = true;
    try {
      const { messages, next_before: next, timed_out: timedOut } = await this.#app.api.get("/admin/messages", { ...this.#query, before, limit: PAGE });
      if (number !== this.#searches) return;
      this.#list.append(...messages.map((message) => this.#item(message)));
      this.#next = next ?? undefined;
      this.#more.hidden = next === null;
      const shown = this.#list.children.length;
      this.#summary.textContent = timedOut ? `${plural(shown, "message")} so far, newest first. The search took too long: “Show older ones” goes on.`
        : shown === 0 ? "Nothing found."
          : `${plural(shown, "message")}${this.#more.hidden ? "" : ", and maybe more"}, newest first.`;
    } catch (error) {
      if (number !== this.#searches) return;
      this.#summary.textContent = "";
      this.#mistake.textContent = inWords(error);
    } finally {
      this.#more.disabled = false;
    }
  }

  #item(message) {
    const { id, at, author, channel, between, text, action } = message;
    const where = channel ? `#${channel}` : `${between[0]} and ${between[1]}`;
    const line = h("li", { data: { id } },
      h("time", { datetime: at }, fullTime(at)), h("b", {}, author), h("span", {}, where),
      h("p", { class: "text" }, action ? `* ${author} ${text}` : text),
      channel && h("button", { type: "button", class: "button small", on: { click: () => this.#delete(message, line) } }, "Delete…"));
    return line;
  }

  #delete({ id, author, channel, text }, line) {
    ask({
      title: "Delete the message", action: "Delete", isDangerous: true,
      words: h("div", {}, h("blockquote", { class: "words" }, text),
        h("p", { class: "words" }, `The message by ${author} in #${channel} will be gone for everyone, and cannot be brought back. Those in the channel are told that an administrator deleted it.`)),
      fields: [field("Reason", textField("reason", { maxlength: "500", spellcheck: "true" }), "May be left empty.")],
      run: async ({ reason }) => {
        const why = reason.trim() ? `?${new URLSearchParams({ reason: reason.trim() })}` : "";
        await this.#app.api.remove(`/admin/channels/${encodeURIComponent(channel)}/messages/${encodeURIComponent(id)}${why}`);
        line.remove();
        tell(`The message by ${author} is deleted.`);
      },
    });
  }
}
