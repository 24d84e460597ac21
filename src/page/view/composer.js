// The message field: grows with the text, keeps a draft for each conversation, completes commands,
// names, rooms and emoji, and reports mistakes before anything is sent.

import { byId, h, iconButton, soon } from "../lib/dom.js";
import { run } from "../commands.js";
import { silence } from "../model/rules.js";
import { frameBytes, MAX_FRAME_BYTES } from "../model/delivery.js";
import { Completion } from "./completion.js";
import { names } from "./parts.js";

const MAX_RECALLED = 50;

export class Composer {
  #app;
  #form = byId("composer");
  #input;
  #counter = h("span", { class: "counter" });
  #typing = h("div", { class: "typing" });
  #words = h("p", { class: "words", role: "alert", hidden: true });
  /** Why the user may not write here, or not yet. */
  #hint = h("p", { id: "may-not", class: "hint", role: "status", hidden: true });
  #ticking = 0;
  #completion;
  #shown = null;
  #sent = [];
  #recalled = 0;

  constructor(app) {
    this.#app = app;
    this.#input = h("textarea", {
      id: "message", rows: "1", enterkeyhint: "send", "aria-label": "Message", "aria-autocomplete": "list", "aria-controls": "completion",
    });
    const send = h("button", { type: "submit", class: "icon-button send", "aria-label": "Send", title: "Send (Enter)" });
    send.append(iconButton("send", "Send", () => {}).firstElementChild);
    this.#completion = new Completion(this.#input, app);
    this.#form.append(
      this.#hint, this.#words,
      h("div", { class: "box" },
        this.#completion.list, this.#input, this.#counter,
        iconButton("smile", "Insert an emoji", () => this.#startEmoji()), send),
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
      this.#resize();
      this.#say(body);
    });
    app.state.on("failed", (conversation, words) => {
      if (conversation === app.state.active) this.#say(`Not sent: ${words}`);
    });
  }

  focus() {
    this.#input.focus();
  }

  /** Puts text where the caret is. */
  insert(text) {
    const { selectionStart, value } = this.#input;
    const gap = selectionStart > 0 && !/\s$/.test(value.slice(0, selectionStart)) ? " " : "";
    this.#input.setRangeText(gap + text, selectionStart, this.#input.selectionEnd, "end");
    this.#input.focus();
    this.#changed();
  }

  #open = () => {
    const { active } = this.#app.state;
    if (this.#shown === active) return;
    if (this.#shown) this.#shown.draft = this.#input.value;
    this.#shown = active;
    this.#form.hidden = !active;
    if (!active) return;
    this.#input.value = active.draft;
    this.#completion.close();
    this.#say("");
    this.#resize();
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
    this.#resize();
    this.#say("");
    const { active } = this.#app.state;
    if (!active) return;
    active.draft = this.#input.value;
    const left = MAX_FRAME_BYTES - frameBytes(active, this.#input.value);
    this.#counter.textContent = left < 400 ? String(left) : "";
    this.#counter.classList.toggle("over", left < 0);
    this.#completion.update();
    if (this.#input.value && !this.#input.value.startsWith("/")) this.#app.chat.typing(active);
  }

  #resize() {
    this.#input.style.setProperty("height", "auto");
    // While hidden (a phone showing the list) its height is zero.
    const height = this.#input.scrollHeight;
    if (height > 0) this.#input.style.setProperty("height", `${height}px`);
  }

  #key(event) {
    if (event.isComposing || this.#completion.key(event)) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "ArrowUp" && this.#isAtStart() && !event.altKey) {
      this.#recall(event, -1);
    } else if (event.key === "ArrowDown" && this.#recalled < this.#sent.length && !event.altKey) {
      this.#recall(event, 1);
    }
  }

  #isAtStart() {
    return this.#input.value === "" || this.#recalled < this.#sent.length;
  }

  /** Brings back what was sent before. */
  #recall(event, step) {
    const next = this.#recalled + step;
    if (next < 0 || next > this.#sent.length) return;
    event.preventDefault();
    this.#recalled = next;
    this.#input.value = this.#sent[next] ?? "";
    this.#resize();
  }

  #submit() {
    const text = this.#input.value.trimEnd();
    const { active } = this.#app.state;
    if (text.trim() === "" || !active) return;
    let words = "";
    if (text.startsWith("/") && !text.startsWith("//")) words = run(this.#app, text);
    else words = this.#speak(active, text.startsWith("//") ? text.slice(1) : text);
    if (words) return this.#say(words);
    this.#sent = [...this.#sent.filter((sent) => sent !== text), text].slice(-MAX_RECALLED);
    this.#recalled = this.#sent.length;
    this.#input.value = "";
    active.draft = "";
    this.#completion.close();
    this.#changed();
  }

  #speak(active, body) {
    const seconds = this.#wait();
    if (seconds > 0) return `Slow mode: you can write again in ${seconds} s. Your text stays here.`;
    const over = frameBytes(active, body) - MAX_FRAME_BYTES;
    if (over > 0) return `That is ${over} bytes too long for one message. Please shorten or split it.`;
    this.#app.chat.say(active, body);
    this.#app.stream.toEnd();
    return "";
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

  #startEmoji() {
    this.insert(":");
    this.#completion.update(true);
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
