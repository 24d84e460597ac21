// The messages of the active conversation. Only a few hundred of them are in the document: a window
// that moves with scrolling. The entries in view never move by themselves.

import { byId, h, reconcile, soon } from "../lib/dom.js";
import { settings } from "../model/storage.js";
import { lookOf, row } from "./row.js";

/** Entries in the document at most, and how many are exchanged at once. */
const WINDOW = 160;
const STEP = 40;
/** Distance from its end, in pixels, at which the window is moved. */
const NEAR = 900;
/** Distance, in pixels, that still counts as being at the end. */
const AT_END = 48;

export class Stream {
  #app;
  #box = byId("stream");
  #rows = h("div", { class: "rows" });
  #top = h("p", { class: "top" });
  #shown = null;
  /** The window, in `index + offset` of its conversation; end is exclusive. */
  #start = 0;
  #end = 0;
  #follow = true;
  #height = 0;
  #keys = new WeakMap();
  #count = 0;

  constructor(app) {
    this.#app = app;
    this.#box.append(this.#top, this.#rows);
    app.state.on("active", () => soon(this.#paint));
    app.state.on("stream", (conversation) => {
      if (conversation === app.state.active) soon(this.#paint);
    });
    this.#box.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.#resized()).observe(this.#box);
    // At midnight, "today" becomes "yesterday".
    setInterval(() => soon(this.#paint), 60_000);
  }

  /** Shows the newest messages. */
  toEnd() {
    this.#follow = true;
    soon(this.#paint);
  }

  /** Shows a message that is in memory, in the middle. */
  reveal(message) {
    const { messages, offset } = this.#app.state.active;
    const index = messages.indexOf(message) + offset;
    this.#follow = false;
    this.#start = index - WINDOW / 2;
    this.#end = index + WINDOW / 2;
    this.#draw();
    const element = this.#elementOf(message);
    if (!element) return;
    element.scrollIntoView({ block: "center" });
    element.classList.remove("found");
    void element.offsetWidth;
    element.classList.add("found");
    element.querySelector(".row")?.focus({ preventScroll: true });
    this.#scrolled();
  }

  itemOf(element) {
    return element.closest(".entry")?.item;
  }

  get box() {
    return this.#box;
  }

  #items() {
    const { messages, pending } = this.#app.state.active;
    return pending.length === 0 ? messages : [...messages, ...pending];
  }

  #paint = () => {
    const conversation = this.#app.state.active;
    if (!conversation) {
      this.#shown = null;
      this.#rows.replaceChildren();
      return;
    }
    if (this.#shown !== conversation) this.#open(conversation);
    else if (this.#follow) this.#toLast();
    this.#draw();
    if (this.#follow) this.#toBottom();
    else this.#move();
    this.#more();
    this.#report();
  };

  #open(conversation) {
    this.#shown = conversation;
    this.#rows.replaceChildren();
    this.#follow = true;
    this.#toLast();
    if (!conversation.divider) return;
    this.#draw();
    this.#toBottom();
    const line = this.#rows.querySelector(".new-line");
    if (!line) return;
    // New messages begin near the top; if all of them fit, the end is in view.
    const distance = line.getBoundingClientRect().top - this.#box.getBoundingClientRect().top;
    if (distance >= 0) return;
    this.#box.scrollTop += distance - 60;
    this.#follow = this.#isAtEnd();
  }

  #toLast() {
    const { offset } = this.#app.state.active;
    this.#end = offset + this.#items().length;
    this.#start = Math.max(offset, this.#end - WINDOW / 2);
  }

  /** Makes the document show the window, and keeps what is seen in place. */
  #draw() {
    const { state } = this.#app;
    const conversation = state.active;
    const items = this.#items();
    const { offset } = conversation;
    const last = offset + items.length;
    this.#end = Math.min(Math.max(this.#end, offset), last);
    // Messages that come while the user reads elsewhere belong to the window as long as they fit.
    if (this.#end < last && last - this.#start <= WINDOW) this.#end = last;
    this.#start = Math.max(offset, Math.min(this.#start, this.#end));
    const anchor = this.#follow ? null : this.#anchor();
    const context = { divider: conversation.divider, state, me: state.me };
    const visible = settings.comings ? () => true : (item) => item.notice !== "comings";
    const window = items.slice(this.#start - offset, this.#end - offset).filter(visible);
    const looks = new Map();
    window.forEach((item, index) => {
      const before = window[index - 1] ?? this.#before(items, offset);
      looks.set(item, [lookOf(item, before, context), before]);
    });
    reconcile(this.#rows, window, (item) => this.#keyOf(item, looks.get(item)[0]), (item) => {
      const element = row(item, looks.get(item)[1], context);
      element.item = item;
      return element;
    });
    this.#paintTop(conversation, items);
    if (anchor) this.#restore(anchor);
  }

  #before(items, offset) {
    return items[this.#start - offset - 1];
  }

  /** The same for an item for as long as it looks the same; a message that
   * was pending is another object, and tells by its tag. */
  #keyOf(item, look) {
    if (!this.#keys.has(item)) this.#keys.set(item, item.tag ?? (this.#count += 1));
    return `${this.#keys.get(item)},${look}`;
  }

  #elementOf(item) {
    return [...this.#rows.children].find((element) => element.item === item);
  }

  #paintTop(conversation, items) {
    const isStart = this.#start === conversation.offset;
    const room = conversation.title;
    let words = "";
    if (isStart && conversation.complete) {
      words = items.length > 0 || !conversation.isRoom ? `This is where ${conversation.isRoom ? room : `your messages with ${room}`} begins.` : `Nothing has been said in ${room} yet. Say hello!`;
      if (!conversation.isRoom) words = items.length > 0 ? `Your messages with ${room} begin here.` : `Nothing between you and ${room} yet. Say hello!`;
    } else if (isStart && conversation.gap && conversation.gap === conversation.firstId) {
      words = "Some earlier messages are no longer kept.";
    } else if (conversation.loading || conversation.catchingUp) {
      words = "Loading messages…";
    }
    if (this.#top.textContent !== words) this.#top.textContent = words;
  }

  /** The first entry that can be seen, and where. */
  #anchor() {
    const top = this.#box.getBoundingClientRect().top;
    const rows = this.#rows.children;
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (rows[middle].getBoundingClientRect().bottom > top) high = middle;
      else low = middle + 1;
    }
    const element = rows[low];
    return element ? { item: element.item, element, at: element.getBoundingClientRect().top } : null;
  }

  #restore({ item, element, at }) {
    const now = element.isConnected ? element : this.#elementOf(item);
    if (!now) return;
    const moved = now.getBoundingClientRect().top - at;
    if (moved !== 0) this.#box.scrollTop += moved;
  }

  #isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#box;
    const conversation = this.#app.state.active;
    const isLast = this.#end >= conversation.offset + this.#items().length;
    return isLast && scrollHeight - scrollTop - clientHeight < AT_END;
  }

  #toBottom() {
    this.#box.scrollTop = this.#box.scrollHeight;
  }

  #resized() {
    this.#height = this.#box.clientHeight;
    if (this.#follow) this.#toBottom();
  }

  #scrolled() {
    if (!this.#app.state.active || this.#shown !== this.#app.state.active) return;
    // Not scrolled by the user: the space has changed.
    if (this.#box.clientHeight !== this.#height) return this.#resized();
    this.#follow = this.#isAtEnd();
    this.#move();
    this.#more();
    this.#report();
  }

  /** Moves the window when scrolling comes near to its end. */
  #move() {
    const { scrollTop, scrollHeight, clientHeight } = this.#box;
    const { offset } = this.#app.state.active;
    const last = offset + this.#items().length;
    if (scrollTop < NEAR && this.#start > offset) {
      this.#start = Math.max(offset, this.#start - STEP);
      this.#end = Math.min(this.#end, this.#start + WINDOW);
    } else if (scrollHeight - scrollTop - clientHeight < NEAR && this.#end < last) {
      this.#end = Math.min(last, this.#end + STEP);
      this.#start = Math.max(this.#start, this.#end - WINDOW);
    } else {
      return;
    }
    this.#draw();
  }

  /** Asks for older messages when the oldest come into sight. */
  #more() {
    const conversation = this.#app.state.active;
    const isNear = this.#box.scrollTop < NEAR && this.#start === conversation.offset;
    if (isNear && (conversation.joined || !conversation.isRoom)) this.#app.chat.older(conversation);
  }

  /** Tells the state whether the end is in view, and what is below. */
  #report() {
    const { state, chat } = this.#app;
    const conversation = state.active;
    state.atEnd = this.#follow;
    if (this.#follow && document.visibilityState === "visible" && !conversation.catchingUp) chat.markRead(conversation);
    state.emit("end", this.#follow);
  }
}
