// The messages of the active conversation. Only a few hundred of them are in the document: a window
// that moves with scrolling. It follows its end until the user scrolls up; otherwise the entries in
// view never move by themselves.

import { byId, h, reconcile, soon } from "../lib/dom.js";
import { MOST_MISSED } from "../model/chat.js";
import { settings } from "../model/storage.js";
import { lookOf, row } from "./row.js";

/** Entries in the document at most, and how many are exchanged at once. */
const WINDOW = 160;
const STEP = 40;
/** The height of a line, in pixels, at least. */
const SHORTEST = 20;
/** Distance from its end, in pixels, at which the window is moved. */
const NEAR = 900;
/** Distance, in pixels, that still counts as being at the end. */
const AT_END = 48;
/** The same after scrolling up by ever so little. */
const EXACTLY = 2;
/** Entries shown before the first new one, and the room left above it in pixels. */
const CONTEXT = 40;
const ABOVE = 60;
/** The latest entries, which are printed. */
const PRINTED = 3_000;

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
  /** Where new messages begin is to be shown as soon as they are all here. */
  #opening = false;
  #height = 0;
  /** The last known `scrollTop`: less than that is a person who scrolls up. */
  #place = 0;
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
    addEventListener("beforeprint", () => this.#unroll());
    // At midnight, "today" becomes "yesterday".
    setInterval(() => soon(this.#paint), 60_000);
  }

  /** Shows the newest messages. */
  toEnd() {
    this.#place = this.#box.scrollTop;
    this.#follow = true;
    this.#opening = false;
    soon(this.#paint);
  }

  /** Shows where new messages begin, as if it was opened anew. */
  reopen() {
    this.#shown = null;
    soon(this.#paint);
  }

  /** Shows a message that is in memory, in the middle. */
  reveal(message) {
    const { messages, offset } = this.#app.state.active;
    const index = messages.indexOf(message) + offset;
    this.#follow = this.#opening = false;
    this.#start = index - WINDOW / 2;
    this.#end = index + WINDOW / 2;
    this.#draw();
    const element = this.#elementOf(message);
    if (!element) return;
    element.scrollIntoView({ block: "center" });
    this.#place = this.#box.scrollTop;
    element.classList.remove("found");
    void element.offsetWidth;
    element.classList.add("found");
    element.querySelector(".row")?.focus({ preventScroll: true });
    this.#settle();
  }

  itemOf(element) {
    return element.closest(".entry")?.item;
  }

  /** The row that shows now what this one showed, which may have been drawn anew; null if none does. */
  redrawn(row) {
    return row.isConnected ? row : this.#entryOf(messageOf(row))?.querySelector(".row") ?? null;
  }

  get box() {
    return this.#box;
  }

  #items() {
    const { messages, pending } = this.#app.state.active;
    return pending.length === 0 ? messages : [...messages, ...pending.filter(({ seenAs }) => !seenAs)];
  }

  #paint = () => {
    const conversation = this.#app.state.active;
    if (!conversation) {
      this.#shown = null;
      this.#rows.replaceChildren();
      return;
    }
    const isNew = this.#shown !== conversation;
    // The browser may not have told yet that the user has scrolled.
    if (!isNew && this.#isScrolledUp()) this.#follow = this.#opening = false;
    if (isNew) this.#rows.replaceChildren();
    if (isNew) this.#follow = this.#opening = true;
    this.#shown = conversation;
    // How far a thread has been read is known once it is loaded.
    const isUnknown = conversation.messages.length === 0 || (!conversation.isRoom && conversation.read === null);
    const isComing = conversation.catchingUp || (conversation.loading && isUnknown);
    if (isComing) this.#opening ||= this.#follow;
    else if (this.#opening) this.#toFirstNew();
    if (this.#follow) this.#toLast();
    this.#draw();
    if (this.#follow) this.#toBottom();
    this.#settle();
  };

  /** New messages begin near the top; if all of them fit, the end is in view. */
  #toFirstNew() {
    this.#opening = false;
    const conversation = this.#app.state.active;
    const { divider, unread, offset, messages } = conversation;
    const first = divider && unread > 0 ? conversation.indexAfter(divider) : messages.length;
    if (first === messages.length) return;
    this.#follow = false;
    this.#start = Math.max(offset, offset + first - CONTEXT);
    this.#end = this.#start + WINDOW;
    this.#draw();
    // What is said of those that are not here stands above.
    if (conversation.lacksNew) return this.#scrollTo(0);
    const line = this.#rows.querySelector(".new-line");
    if (!line) return;
    this.#scrollTo(this.#box.scrollTop + line.getBoundingClientRect().top - this.#box.getBoundingClientRect().top - ABOVE);
    this.#follow = this.#isAtEnd(EXACTLY);
  }

  /** Puts into the document what is to be printed, until that is done. */
  #unroll() {
    if (!this.#shown) return;
    const [start, end, place] = [this.#start, this.#end, this.#box.scrollTop];
    const { offset } = this.#shown;
    this.#end = offset + this.#items().length;
    this.#start = Math.max(offset, this.#end - PRINTED);
    this.#draw();
    addEventListener("afterprint", () => {
      [this.#start, this.#end] = [start, end];
      this.#draw();
      this.#scrollTo(place);
      soon(this.#paint);
    }, { once: true });
  }

  /** After the place or the content has changed. */
  #settle() {
    if (!this.#follow) this.#move();
    this.#more();
    this.#report();
  }

  #toLast() {
    const { offset } = this.#app.state.active;
    const end = offset + this.#items().length;
    // In a flood, only what fills the view; the rest when there is time.
    const isFlood = end - this.#end > STEP;
    const count = isFlood ? Math.ceil(this.#box.clientHeight / SHORTEST) : WINDOW / 2;
    if (isFlood) soon(this.#paint);
    this.#end = end;
    this.#start = Math.max(offset, end - count);
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
    const context = { divider: conversation.divider, state, me: state.me, reacting: this.#app.chat.reacting };
    const visible = settings.comings ? () => true : (item) => item.notice !== "comings";
    const window = items.slice(this.#start - offset, this.#end - offset).filter(visible);
    const looks = new Map();
    window.forEach((item, index) => {
      const before = window[index - 1] ?? this.#before(items, offset);
      looks.set(item, [lookOf(item, before, context), before]);
    });
    const focused = this.#focused();
    reconcile(this.#rows, window, (item) => this.#keyOf(item, looks.get(item)[0]), (item) => {
      const element = row(item, looks.get(item)[1], context);
      element.item = item;
      return element;
    });
    focused?.();
    this.#paintTop(conversation, items);
    if (anchor) this.#restore(anchor);
  }

  /** What gives the focus back to the message that has it now, to its row or the button in it, if the message is
   * drawn anew. */
  #focused() {
    const { activeElement } = document;
    if (!this.#rows.contains(activeElement)) return null;
    const message = messageOf(activeElement);
    const { sign } = activeElement.dataset;
    const kind = sign ? `[data-sign="${CSS.escape(sign)}"]` : [".more", ".react", ".reply", ".author", ".answered", ".add"].find((one) => activeElement.matches(one));
    return () => {
      if (activeElement.isConnected) return;
      const row = this.#entryOf(message)?.querySelector(".row");
      // Some of its buttons come with the focus.
      row?.focus({ preventScroll: true });
      if (kind) row?.querySelector(kind)?.focus({ preventScroll: true });
    };
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

  #entryOf(message) {
    return [...this.#rows.children].find((entry) => messageOf(entry) === message);
  }

  #paintTop(conversation, items) {
    const isStart = this.#start === conversation.offset;
    const room = conversation.title;
    let words = "";
    if (conversation.trouble) {
      words = `${conversation.trouble} Trying again…`;
    } else if (isStart && conversation.isUnkept) {
      words = conversation.isRoom
        ? "This server keeps no history: you see what is said while you are here."
        : `${room} has no account: messages arrive only while both of you are here, and nobody keeps them.`;
    } else if (isStart && conversation.complete) {
      if (conversation.isRoom) words = items.length > 0 ? `This is where ${room} begins.` : `Nothing has been said in ${room} yet. Say hello!`;
      else words = items.length > 0 ? `Your messages with ${room} begin here.` : `Nothing between you and ${room} yet. Say hello!`;
    } else if (isStart && conversation.gap && conversation.gap === conversation.firstId) {
      words = "Some earlier messages are no longer kept.";
    } else if (conversation.loading || conversation.catchingUp) {
      words = "Loading messages…";
    }
    if (isStart && conversation.lacksNew && !words) return this.#paintSkipped(conversation);
    if (this.#top.textContent !== words) this.#top.textContent = words;
  }

  /** New messages before these were left out. */
  #paintSkipped(conversation) {
    if (this.#top.firstElementChild?.conversation === conversation) return;
    const button = (label, click) => h("button", { type: "button", class: "button small", on: { click } }, label);
    const words = h("span", {}, `There are more than ${MOST_MISSED.toLocaleString()} new messages: those before these are not here yet.`);
    words.conversation = conversation;
    this.#top.replaceChildren(words, " ",
      button("Go to the first new one", () => this.#app.jumpToNew(conversation)), " ",
      button("Show earlier ones", () => this.#app.chat.older(conversation)));
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
    if (moved !== 0) this.#scrollTo(this.#box.scrollTop + moved);
  }

  #isAtEnd(slack) {
    const conversation = this.#app.state.active;
    const isLast = this.#end >= conversation.offset + this.#items().length;
    return isLast && this.#below() < slack;
  }

  #toBottom() {
    this.#scrollTo(this.#box.scrollHeight);
  }

  #scrollTo(top) {
    this.#box.scrollTop = top;
    this.#place = this.#box.scrollTop;
  }

  #resized() {
    const { active } = this.#app.state;
    const wasHidden = this.#height === 0;
    this.#height = this.#box.clientHeight;
    if (this.#follow) this.#toBottom();
    this.#place = this.#box.scrollTop;
    if (!this.#shown || this.#shown !== active) return;
    if (wasHidden && active.unread > 0) this.reopen();
    else this.#report();
  }

  #scrolled() {
    if (!this.#app.state.active || this.#shown !== this.#app.state.active) return;
    // Not scrolled by the user: the space has changed.
    if (this.#box.clientHeight !== this.#height) return this.#resized();
    const isUp = this.#isScrolledUp();
    const moved = this.#box.scrollTop - this.#place;
    this.#place += moved;
    if (isUp) this.#follow = this.#opening = false;
    else if (moved > 0 && this.#isAtEnd(AT_END)) this.#follow = true;
    this.#settle();
  }

  /** Whether the user has scrolled up from the end. What is added below does not move anything up. */
  #isScrolledUp() {
    const { scrollTop, clientHeight } = this.#box;
    return clientHeight === this.#height && scrollTop < this.#place && this.#below() >= EXACTLY;
  }

  /** How far, in pixels, the end of what is in the document is below. */
  #below() {
    const { scrollHeight, scrollTop, clientHeight } = this.#box;
    return scrollHeight - scrollTop - clientHeight;
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
    // What was left out is asked for by the user.
    if (isNear && !conversation.lacksNew && (conversation.joined || !conversation.isRoom)) this.#app.chat.older(conversation);
  }

  /** Tells the state whether the end is in view, and what has been seen. */
  #report() {
    const { state, chat } = this.#app;
    const conversation = state.active;
    // On a phone, the list may be in front.
    const isShown = this.#box.clientHeight > 0;
    state.atEnd = this.#follow && isShown;
    if (isShown && !this.#opening && document.visibilityState === "visible" && !conversation.catchingUp && !conversation.isLeftUnread) {
      if (this.#follow) chat.markRead(conversation);
      else if (conversation.unread > 0) chat.markRead(conversation, this.#lastSeen());
    }
    state.emit("end", this.#follow);
  }

  /** The last message that is in view to its end. */
  #lastSeen() {
    const bottom = this.#box.getBoundingClientRect().bottom;
    return [...this.#rows.children].findLast(({ item, lastElementChild }) => item.id && lastElementChild.getBoundingClientRect().bottom <= bottom + EXACTLY)?.item.id;
  }
}

/** What an entry's key says of its message, whatever it looks like. */
const messageOf = (element) => element.closest(".entry").itemKey.split(",")[0];
