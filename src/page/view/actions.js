// Actions on a message or a person, wherever they are shown.

import { byId } from "../lib/dom.js";
import { openMenu } from "./menu.js";
import { roomItems } from "./person.js";

export class Actions {
  #app;

  constructor(app) {
    this.#app = app;
    byId("chat").addEventListener("click", (event) => this.#click(event));
    app.stream.box.addEventListener("keydown", (event) => this.#key(event));
  }

  #click(event) {
    const target = event.target.closest("[data-user], [data-room], [data-actions], [data-retry], [data-discard], [data-reveal]");
    if (!target) return;
    const { user, room, retry, discard } = target.dataset;
    const { state, chat, stream } = this.#app;
    const pending = (tag) => state.active.pending.find((one) => one.tag === tag);
    if (user) this.#person(target, user);
    else if (room) chat.join(room);
    else if (retry) chat.delivery.retry(state.active, pending(retry));
    else if (discard) chat.delivery.discard(state.active, pending(discard));
    else if (target.dataset.reveal) this.#reveal(stream.itemOf(target));
    else this.#message(target, stream.itemOf(target));
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
    const { composer } = this.#app;
    openMenu(anchor, "Message actions", [
      { label: "Quote", run: () => composer.insert(quote(item)) },
      { label: "Copy the text", run: () => copy(this.#app, item.body) },
      { heading: item.from },
      ...this.#personItems(item.from),
    ]);
  }

  /** Up and down go from message to message, Enter opens the actions. */
  #key(event) {
    const row = event.target.closest?.(".row");
    const rows = [...this.#app.stream.box.querySelectorAll(".row")];
    const at = rows.indexOf(row);
    if (event.key === "Enter" && row === event.target) {
      const item = this.#app.stream.itemOf(row);
      // Otherwise it would also press the first item of the menu.
      event.preventDefault();
      if (item?.body !== undefined && !item.status) this.#message(row, item);
      return;
    }
    const next = { ArrowUp: at < 0 ? rows.length - 1 : at - 1, ArrowDown: at < 0 ? 0 : at + 1 }[event.key];
    if (next === undefined || event.altKey || !rows[next]) return;
    event.preventDefault();
    rows[next].focus({ preventScroll: true });
    rows[next].scrollIntoView({ block: "nearest" });
  }
}

const quote = ({ from, body }) => `${body.split("\n").map((line) => `> ${line}`).join("\n")}\n@${from} `;

async function copy(app, text) {
  try {
    await navigator.clipboard.writeText(text);
    app.state.toast("Copied.");
  } catch {
    app.state.toast("The browser does not allow copying here.");
  }
}
