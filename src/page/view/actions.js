// Actions on a message or a person, wherever they are shown.

import { byId } from "../lib/dom.js";
import { at } from "../lib/place.js";
import { rights } from "../model/rules.js";
import { hashOf } from "../trail.js";
import { copyReadably } from "./copying.js";
import { askToDelete } from "./editing.js";
import { onLongPress } from "./long_press.js";
import { openMenu } from "./menu.js";
import { roomItems } from "./person.js";
import { putAtHand } from "./row.js";

export class Actions {
  #app;
  /** The message whose names and rooms Tab reaches. */
  #reached = null;

  constructor(app) {
    this.#app = app;
    byId("chat").addEventListener("click", (event) => this.#click(event));
    const { box } = app.stream;
    box.addEventListener("keydown", (event) => this.#key(event));
    box.addEventListener("pointerover", ({ target }) => this.#putAtHand(target.closest(".row")));
    box.addEventListener("focusin", ({ target }) => {
      const row = target.closest(".row");
      this.#putAtHand(row);
      this.#reach(row);
    });
    copyReadably(box);
    onLongPress(box, ".row", (row) => this.#choose(app.stream.redrawn(row)));
  }

  #click(event) {
    this.#follow(event);
    const target = event.target.closest("[data-user], [data-room], [data-actions], [data-retry], [data-discard], [data-reveal], [data-answered], [data-sign], [data-react], [data-reply]");
    if (!target) return;
    const { user, room, retry, discard, answered, sign, react } = target.dataset;
    const { state, chat, composer, stream } = this.#app;
    const pending = (tag) => state.active.pending.find((one) => one.tag === tag);
    if (user) this.#person(target, user);
    else if (room) chat.visit(room);
    else if (retry) chat.delivery.retry(state.active, pending(retry));
    else if (discard) chat.delivery.discard(state.active, pending(discard));
    else if (sign) this.#react(stream.itemOf(target), sign);
    else if (react) this.#chooseSign(target, stream.itemOf(target));
    else if (target.dataset.reply) composer.reply(stream.itemOf(target));
    else if (answered) this.#app.jumpTo(state.active, answered);
    else if (target.dataset.reveal) this.#reveal(stream.itemOf(target));
    else this.#message(target, stream.itemOf(target));
  }

  #react(item, sign) {
    if (!this.#app.chat.reacting.toggle(item, sign)) this.#app.state.toast("Not connected: try again in a moment.");
  }

  async #chooseSign(anchor, item) {
    const { openPicker } = await import("./emoji_picker.js");
    await openPicker(anchor, (emoji) => {
      anchor.focus({ preventScroll: true });
      this.#react(item, emoji);
    });
  }

  /** A link to a message or room of this chat leads there in this tab. */
  #follow(event) {
    const link = event.target.closest("a[href]");
    const isHere = link?.href.startsWith(`${at("/client")}#`) && !event.ctrlKey && !event.metaKey && !event.shiftKey;
    if (!isHere) return;
    event.preventDefault();
    location.hash = new URL(link.href).hash;
  }

  #reveal(item) {
    item.shown = true;
    this.#app.state.emit("stream", this.#app.state.active);
  }

  #person(anchor, name) {
    openMenu(anchor, name, [{ heading: name }, ...this.#personItems(name)]);
  }

  #personItems(name) {
    const { state, chat, composer } = this.#app;
    const isMe = state.isMe(name);
    const isIgnored = state.isIgnored(name);
    return [
      { label: isMe ? "Notes to yourself" : `Write to ${name}`, hidden: isMe && !state.isAccount, run: () => this.#app.show(state.direct(name)) },
      { label: "Mention", hidden: isMe, run: () => composer.insert(`@${name} `) },
      { label: "Who is this?", run: () => this.#app.open("card", name) },
      { label: isIgnored ? "Stop ignoring" : "Ignore", danger: !isIgnored, hidden: isMe, run: () => chat.ignore(name, !isIgnored) },
      ...roomItems(this.#app, name),
    ];
  }

  #message(anchor, item) {
    const { composer, chat, state } = this.#app;
    const { active } = state;
    const isTheirs = !state.isMe(item.from);
    openMenu(anchor, "Message actions", [
      { label: "Reply", hidden: !active.isKept(item), run: () => composer.reply(item) },
      { label: "React…", hidden: !active.isKept(item), run: () => this.#chooseSign(anchor, item) },
      { label: "Quote", run: () => composer.quote(item) },
      { label: "Edit", hidden: isTheirs || !item.id, run: () => composer.edit(item) },
      { label: "Copy the text", run: () => copy(this.#app, item.body) },
      { label: "Copy the link", hidden: !active.isRoom || !item.id, run: () => copy(this.#app, `${at("/client")}${hashOf(active)}/${item.id}`) },
      { label: "Mark unread from here", hidden: !isTheirs || !item.id, run: () => chat.markUnread(active, item) },
      { label: "Delete…", danger: true, hidden: !item.id || !(!isTheirs || (active.isRoom && rights(state, active).operate)), run: () => askToDelete(this.#app, item) },
      { heading: item.from },
      ...this.#personItems(item.from),
    ]);
  }

  #choose(row) {
    const item = row && this.#app.stream.itemOf(row);
    if (item?.body !== undefined && !item.status) this.#message(row, item);
  }

  #putAtHand(row) {
    if (row) putAtHand(row, this.#app.stream.itemOf(row), this.#app.state);
  }

  /** Tab goes through what is in the message that has the focus, not through that of all. */
  #reach(row) {
    if (row === this.#reached) return;
    for (const [one, tabindex] of [[this.#reached, "-1"], [row, "0"]]) {
      for (const part of one?.querySelectorAll(".name, .author, button") ?? []) part.setAttribute("tabindex", tabindex);
    }
    this.#reached = row;
  }

  /** Up and down go from message to message, Home and End to the first and last; Enter opens the actions. */
  #key(event) {
    const row = event.target.closest?.(".row");
    const rows = [...this.#app.stream.box.querySelectorAll(".row")];
    const at = rows.indexOf(row);
    if (event.target.matches(".name") && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      return event.target.click();
    }
    if (event.key === "Enter" && row === event.target) {
      // Otherwise it would also press the first item of the menu.
      event.preventDefault();
      return this.#choose(row);
    }
    const next = { ArrowUp: at < 0 ? rows.length - 1 : at - 1, ArrowDown: at < 0 ? 0 : at + 1, Home: 0, End: rows.length - 1 }[event.key];
    if (next === undefined || event.altKey || !rows[next]) return;
    event.preventDefault();
    rows[next].focus({ preventScroll: true });
    rows[next].scrollIntoView({ block: "nearest" });
  }
}

async function copy(app, text) {
  try {
    await navigator.clipboard.writeText(text);
    app.state.toast("Copied.");
  } catch {
    app.state.toast("The browser does not allow copying here.");
  }
}
