// The message field: grows with the text, keeps a draft for each conversation, completes commands,
// names, rooms and emoji, and reports mistakes before anything is sent.

import { byId, h, iconButton, soon } from "../lib/dom.js";
import { run } from "../commands.js";
import { silence } from "../model/rules.js";
import { frameBytes, MAX_FRAME_BYTES } from "../model/delivery.js";
import { Completion } from "./completion.js";
import { Editing } from "./editing.js";
import { isComposing, names, TOUCH } from "./parts.js";
import { Replying } from "./replying.js";

const MAX_RECALLED = 50;
/** A text that needs more messages than this is not offered to be sent as several. */
const MOST_PIECES = 20;

export class Composer {
  #app;
  #form = byId("composer");
  #input;
  #counter = h("span", { class: "counter" });
  #typing = h("div", { class: "typing" });
  #words = h("p", { class: "words", role: "alert", hidden: true });
  /** Why the user may not write here, or not yet. */
  #hint = h("p", { id: "may-not", class: "hint", role: "status", hidden: true });
  #smile = iconButton("smile", "Insert an emoji", () => this.#chooseEmoji(), { "aria-haspopup": "dialog", "aria-expanded": "false" });
  #ticking = 0;
  #completion;
  #editing;
  #replying;
  #shown = null;
  #sent = [];
  #recalled = 0;
  /** The text that was brought back last, unchanged. */
  #recalledText = "";

  constructor(app) {
    this.#app = app;
    this.#input = h("textarea", {
      id: "message", rows: "1", enterkeyhint: TOUCH.matches ? "enter" : "send", "aria-label": "Message", "aria-autocomplete": "list", "aria-controls": "completion",
    });
    const send = h("button", { type: "submit", class: "icon-button send", "aria-label": "Send", title: "Send (Enter)" });
    send.append(iconButton("send", "Send", () => {}).firstElementChild);
    this.#completion = new Completion(this.#input, app);
    this.#editing = new Editing(app, this.#input, () => this.#changed());
    this.#replying = new Replying(app, this.#input);
    this.#form.append(
      this.#hint, this.#editing.element, this.#replying.element, this.#words,
      h("div", { class: "box" },
        this.#completion.list, this.#input, this.#counter,
        this.#smile, send),
      this.#typing,
    );
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#input.addEventListener("input", () => this.#changed());
    this.#input.addEventListener("keydown", (event) => this.#key(event));
    app.state.on("active", this.#open);
    app.state.on("typing", () => soon(this.#paintTyping));
    app.state.on("stream", () => soon(this.#paintTyping));
    app.state.on("link", () => soon(this.#placeholder));
    for (const event of ["active", "governed"]) app.state.on(event, () => soon(this.#paintHint));
    app.state.on("givenBack", (conversation, { body }) => {
      if (conversation !== app.state.active) return;
      this.#input.value = conversation.draft;
      this.#replying.open(conversation);
      this.#fit();
      this.#say(body);
    });
    app.state.on("failed", (conversation, words) => {
      if (conversation === app.state.active) this.#say(`Not sent: ${words}`);
    });
  }

  focus() {
    this.#input.focus();
  }

  /** Lets the user change one of their messages. */
  edit(item) {
    this.#replying.leave();
    this.#editing.begin(item);
  }

  /** What is sent next answers a message. */
  reply(item) {
    this.#editing.stop();
    this.#replying.begin(item);
  }

  /** Puts text where the caret is. */
  insert(text) {
    const { selectionStart, value } = this.#input;
    const gap = selectionStart > 0 && !/\s$/.test(value.slice(0, selectionStart)) ? " " : "";
    this.#input.setRangeText(gap + text, selectionStart, this.#input.selectionEnd, "end");
    this.#input.focus();
    this.#changed();
  }

  /** Puts a message as a quote on lines of its own where the caret is. */
  quote({ from, body }) {
    const { selectionStart, selectionEnd, value } = this.#input;
    const before = value.slice(0, selectionStart).trimEnd();
    const quoted = body.split("\n").map((line) => `> ${line}`).join("\n");
    const start = before ? `${before}\n` : "";
    this.#input.setRangeText(`${start}${quoted}\n@${from} `, 0, selectionEnd, "end");
    this.#input.focus();
    this.#changed();
  }

  #open = () => {
    const { active } = this.#app.state;
    if (this.#shown === active) return;
    this.#shown = active;
    this.#form.hidden = !active;
    this.#editing.leave();
    this.#replying.open(active);
    if (!active) return;
    this.#input.value = active.draft;
    this.#completion.close();
    this.#say("");
    this.#fit();
    this.#placeholder();
    this.#paintTyping();
    this.#app.focusComposer();
    // A field that already has the focus may have lost its caret.
    this.#input.setSelectionRange(active.draft.length, active.draft.length);
  };

  #placeholder = () => {
    const { active, link } = this.#app.state;
    if (!active) return;
    const words = `Message ${active.title}`;
    this.#input.placeholder = link.state === "open" ? words : `${words} (sent when connected again)`;
    this.#input.setAttribute("aria-label", words);
  };

  #changed() {
    this.#fit();
    this.#say("");
    const { active } = this.#app.state;
    if (!active) return;
    if (!this.#editing.item) this.#app.state.setDraft(active, this.#input.value);
    this.#completion.update();
    if (this.#input.value && !this.#input.value.startsWith("/")) this.#app.chat.typing(active);
  }

  /** The height of the field and the counter follow the text. */
  #fit() {
    const { active } = this.#app.state;
    const left = active ? MAX_FRAME_BYTES - frameBytes(active, this.#input.value.trimEnd(), "", this.#replying.reply) : MAX_FRAME_BYTES;
    this.#counter.textContent = left < 400 ? String(left) : "";
    this.#counter.classList.toggle("over", left < 0);
    this.#input.style.setProperty("height", "auto");
    // While hidden (a phone showing the list) its height is zero.
    const height = this.#input.scrollHeight;
    if (height > 0) this.#input.style.setProperty("height", `${height}px`);
  }

  #key(event) {
    if (isComposing(event) || this.#completion.key(event) || this.#replying.key(event) || this.#editing.key(event)) return;
    const isNewLine = event.shiftKey || (TOUCH.matches && !event.ctrlKey && !event.metaKey);
    if (event.key === "Enter" && !isNewLine) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "ArrowUp" && this.#mayRecall() && !event.altKey) {
      this.#recall(event, -1);
    } else if (event.key === "ArrowDown" && this.#isRecalled() && !event.altKey) {
      this.#recall(event, 1);
    }
  }

  /** What is being written is not replaced: only nothing, or what was brought back and not changed. */
  #mayRecall() {
    return this.#input.value === "" || this.#isRecalled();
  }

  #isRecalled() {
    return this.#recalled < this.#sent.length && this.#input.value === this.#recalledText;
  }

  /** Brings back what was sent before. */
  #recall(event, step) {
    const next = this.#recalled + step;
    if (next < 0 || next > this.#sent.length) return;
    event.preventDefault();
    this.#recalled = next;
    this.#recalledText = this.#input.value = this.#sent[next] ?? "";
    this.#app.state.setDraft(this.#app.state.active, this.#recalledText);
    this.#fit();
  }

  #submit() {
    const text = this.#input.value.trimEnd();
    const { active } = this.#app.state;
    if (text.trim() === "" || !active) return;
    if (this.#editing.item) return this.#say(this.#editing.submit(text));
    let words = "";
    const action = /^\s*\/me\s+(?=\S)/i.exec(text);
    if (action) words = this.#speak(active, text.slice(action[0].length), "action");
    // A space before it does not make a secret command a message to all.
    else if (/^\s*\/(?!\/)/.test(text)) words = run(this.#app, text);
    else words = this.#speak(active, text.startsWith("//") ? text.slice(1) : text);
    if (words) return this.#say(words);
    this.#done(active, text);
  }

  /** The text has been sent to the conversation, or carried out there. */
  #done(conversation, text) {
    this.#sent = [...this.#sent.filter((sent) => sent !== text), text].slice(-MAX_RECALLED);
    this.#recalled = this.#sent.length;
    // A command may have opened another conversation: what is in the field now is its draft.
    if (conversation !== this.#app.state.active) return this.#app.state.setDraft(conversation, "");
    this.#input.value = "";
    this.#completion.close();
    this.#changed();
  }

  #speak(active, body, kind) {
    const seconds = this.#wait();
    if (seconds > 0) return `Slow mode: you can write again in ${seconds} s. Your text stays here.`;
    const { reply } = this.#replying;
    const over = frameBytes(active, body, kind, reply) - MAX_FRAME_BYTES;
    if (over > 0) {
      if (!kind) this.#offer(active, body);
      return `That is ${over} bytes too long for one message. Please shorten it.`;
    }
    this.#app.chat.say(active, body, kind, reply);
    this.#replying.leave();
    this.#app.stream.toEnd();
    return "";
  }

  /** Offers to send a text that is too long as several messages. */
  async #offer(active, body) {
    const { reply } = this.#replying;
    const fits = (text) => frameBytes(active, text, "", reply) <= MAX_FRAME_BYTES;
    const { split } = await import("../model/split.js");
    const pieces = split(body, fits);
    if (pieces.length > MOST_PIECES || active !== this.#app.state.active || this.#words.hidden) return;
    const send = () => {
      // The first one is the answer.
      pieces.forEach((piece, index) => this.#app.chat.say(active, piece, "", index === 0 ? reply : null));
      this.#replying.leave();
      this.#done(active, body);
      this.#app.stream.toEnd();
      this.#input.focus();
    };
    this.#words.replaceChildren(this.#words.textContent, " ",
      h("button", { type: "button", class: "button small", on: { click: send } }, `Send as ${pieces.length} messages`));
  }

  #say(words) {
    this.#words.textContent = words;
    this.#words.hidden = words === "";
  }

  /** Seconds until slow mode lets the user write again. */
  #wait() {
    return Math.max(0, Math.ceil(((this.#app.state.active?.waitUntil ?? 0) - Date.now()) / 1000));
  }

  #paintHint = () => {
    clearTimeout(this.#ticking);
    const { state } = this.#app;
    const { active } = state;
    const seconds = this.#wait();
    let words = active ? silence(state, active) : "";
    if (!words && seconds > 0) {
      words = `Slow mode: you can write again in ${seconds} s.`;
      this.#ticking = setTimeout(this.#paintHint, 1000);
    }
    // A screen reader hears that there is a wait, not every second of it.
    this.#hint.setAttribute("aria-live", seconds > 0 && !this.#hint.hidden ? "off" : "polite");
    if (this.#hint.textContent !== words) this.#hint.textContent = words;
    this.#hint.hidden = words === "";
    if (words) this.#input.setAttribute("aria-describedby", "may-not");
    else this.#input.removeAttribute("aria-describedby");
  };

  async #chooseEmoji() {
    const { openPicker } = await import("./emoji_picker.js");
    await openPicker(this.#smile, (emoji) => {
      this.#input.setRangeText(emoji, this.#input.selectionStart, this.#input.selectionEnd, "end");
      this.#input.focus();
      this.#changed();
    });
  }

  #paintTyping = () => {
    const { active } = this.#app.state;
    const now = Date.now();
    const typing = active ? [...active.typing.values()].filter(({ until }) => until > now) : [];
    const who = typing.map(({ name }) => name);
    const words = who.length === 0 ? "" : `${names(who)} ${who.length === 1 ? "is" : "are"} typing…`;
    if (this.#typing.textContent !== words) this.#typing.textContent = words;
  };
}
