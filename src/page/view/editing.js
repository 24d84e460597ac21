// Editing one's own messages in the message field, and deleting messages.

import { h } from "../lib/dom.js";
import { frameBytes, MAX_FRAME_BYTES } from "../model/delivery.js";
import { openDialog, title } from "./dialog.js";
import { excerpt } from "./replying.js";

/** What a change says besides what a message does. */
const MORE_BYTES = 40;
/** The server's reasons for which a message stays as it was. */
const NOT_CHANGED = ["too_late", "not_author", "on_hold", "no_such_message", "cannot_speak", "store_failed", "busy"];

export class Editing {
  #app;
  #input;
  #changed;
  /** The message that is being edited. */
  item = null;
  /** The last one that was edited, and its text, which is not lost if the server refuses it. */
  #sent = null;
  element = h("p", { class: "hint editing", role: "status", hidden: true });

  /** `changed` is called when the text of the field is another one. */
  constructor(app, input, changed) {
    this.#app = app;
    this.#input = input;
    this.#changed = changed;
    this.element.append("You are editing a message. ",
      h("button", { type: "button", class: "link", on: { click: () => this.stop() } }, "Cancel"));
    app.state.on("refused", ({ code }) => NOT_CHANGED.includes(code) && this.#again());
  }

  begin(item) {
    this.item = item;
    this.element.hidden = false;
    this.#show(item.body);
  }

  /** What was being written before is there again. */
  stop() {
    if (!this.item) return;
    this.leave();
    this.#show(this.#app.state.active?.draft ?? "");
  }

  /** Another conversation is shown. */
  leave() {
    this.item = null;
    this.element.hidden = true;
  }

  #show(text) {
    this.#input.value = text;
    this.#changed();
    this.#input.focus();
    this.#input.setSelectionRange(text.length, text.length);
  }

  /** ↑ in an empty field edits the last message, and again ↑ the one before. What has been changed stays. */
  key(event) {
    const { item } = this;
    if (event.key === "Escape" && item) this.stop();
    else if (event.key === "ArrowUp" && !event.altKey && this.#input.value === (item?.body ?? "")) {
      const own = this.#own();
      const before = own.at((item ? own.indexOf(item) : own.length) - 1);
      if (!before || before === own.at(-1) && item) return false;
      this.begin(before);
    } else if (event.key === "ArrowDown" && !event.altKey && item && this.#input.value === item.body) {
      const own = this.#own();
      const after = own[own.indexOf(item) + 1];
      if (after) this.begin(after);
      else this.stop();
    } else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  #own() {
    const { state } = this.#app;
    // One that is still being sent would be passed over.
    if (state.active?.pending.some(({ seenAs }) => !seenAs)) return [];
    return (state.active?.messages ?? []).filter((one) => one.id && one.body !== undefined && state.isMe(one.from));
  }

  /** Returns an error text if it cannot be sent. */
  submit(text) {
    const { active } = this.#app.state;
    const over = frameBytes(active, text) + MORE_BYTES - MAX_FRAME_BYTES;
    if (over > 0) return `That is ${over} bytes too long for one message. Please shorten it.`;
    if (text !== this.item.body && !this.#app.chat.mending.edit(this.item, text)) return "Not connected: try again in a moment.";
    this.#sent = { item: this.item, text };
    this.stop();
    return "";
  }

  /** The text that was refused is in the field again, unless something else is by now. */
  #again() {
    const { item, text } = this.#sent ?? {};
    this.#sent = null;
    // Once it says so, it was something else that was refused.
    if (!item || this.item || item.body === text || this.#app.state.active?.find(item.id) !== item) return;
    this.begin(item);
    this.#show(text);
  }
}

/** Asks whether a message is really to be deleted. */
export function askToDelete(app, item) {
  const isMine = app.state.isMe(item.from);
  const confirm = () => {
    if (!app.chat.mending.delete(item)) app.state.toast("Not connected: try again in a moment.");
    dialog.close();
  };
  const dialog = openDialog("Delete the message", title("Delete the message", () => dialog.close()),
    h("div", { class: "dialog-fields" },
      h("blockquote", { class: "in-question", dir: "auto" }, excerpt(item.body)),
      h("p", {}, `${isMine ? "Your message" : `The message by ${item.from}`} will be gone for everyone, and cannot be brought back.`),
      h("div", { class: "dialog-buttons" },
        h("button", { type: "button", class: "button", on: { click: () => dialog.close() } }, "Keep it"),
        h("button", { type: "button", class: "button danger", on: { click: confirm } }, "Delete"))));
}
