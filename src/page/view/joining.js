// Coming into rooms that are not open to all: the dialog for a key, explanations of refusals, and the
// cards about invitations and removals.

import { byId, h, icon, iconButton, soon } from "../lib/dom.js";
import { openDialog, title } from "./dialog.js";

const WHAT_NOW = {
  invite_only: "Ask one of its operators to invite you, or for an invitation link.",
  banned_from_channel: "One of its operators can lift the ban.",
  channel_full: "Try again when somebody has left.",
  needs_account: "Sign out, and register or log in.",
};

/** Who is not called by a name. */
const DOERS = { administrator: "an administrator", system: "the server" };

/** Whether a key may help someone who was refused. */
const hasKey = ({ code }) => code === "wrong_key" || code === "cannot_join";

export class Joining {
  #app;
  #box = byId("cards");

  constructor(app) {
    this.#app = app;
    app.state.on("cards", () => soon(this.#paint));
    app.state.on("noRoom", (name) => this.#offer(name));
    app.state.on("keptOut", (refused) => this.#explain(refused));
  }

  #paint = () => {
    const { state, chat } = this.#app;
    this.#box.replaceChildren(...state.cards.map((card) => {
      const [words, label] = this.#words(card);
      const join = () => (hasKey(card) ? this.#askKey(card) : chat.join(card.room));
      return h("div", { class: `banner ${card.kind}`, role: card.kind === "invited" ? "status" : "alert" },
        icon(card.kind === "invited" ? "megaphone" : "warn"), h("p", {}, words),
        h("button", { type: "button", class: "button small", on: { click: join } }, label),
        iconButton("close", "Dismiss", () => chat.governance.dismiss(card)));
    }));
  };

  #words({ kind, room, by, reason, words, code }) {
    if (kind === "invited") return [[h("strong", {}, by), ` invites you to #${room}.`], "Join"];
    if (kind === "removed") {
      return [[`You were removed from #${room} by ${DOERS[by] ?? by}`, reason ? `: ${reason}` : "."], "Join again"];
    }
    return [words, hasKey({ code }) ? "Enter the key" : "Try again"];
  }

  #explain(refused) {
    if (hasKey(refused)) return this.#askKey(refused);
    const { room, words, code } = refused;
    const heading = `#${room || "room"} does not let you in`;
    const dialog = openDialog(heading, title(heading, () => dialog.close()),
      h("div", { class: "dialog-fields" },
        h("p", { role: "alert" }, words, " ", WHAT_NOW[code] ?? ""),
        h("div", { class: "dialog-buttons" }, h("button", { type: "button", class: "button primary", on: { click: () => dialog.close() } }, "OK"))));
    dialog.querySelector(".primary").focus();
  }

  /** A link leads to a room that is not there. */
  #offer(name) {
    const heading = `There is no room #${name}`;
    const close = () => dialog.close();
    const dialog = openDialog(heading, title(heading, close), h("div", { class: "dialog-fields" },
      h("p", {}, "Perhaps the name is misspelt, or the room is secret."),
      h("div", { class: "dialog-buttons" },
        h("button", { type: "button", class: "button", on: { click: () => {
          close();
          this.#app.chat.join(name);
        } } }, "Create the room"),
        h("button", { type: "button", class: "button primary", on: { click: close } }, "Cancel"))));
    dialog.querySelector(".primary").focus();
  }

  #askKey({ room, given, words, code }) {
    const { chat } = this.#app;
    const [heading, hint] = code === "wrong_key"
      ? [`#${room} has a key`, "People who are in the room know it."]
      : [`#${room} does not let you in`, words];
    const input = h("input", {
      id: "room-key", class: "input", maxlength: "23", autocomplete: "off", autocapitalize: "none", spellcheck: "false", "aria-describedby": "room-key-why",
    });
    const wrong = h("p", { id: "room-key-why", class: "mistake", role: "alert" }, given && code === "wrong_key" ? "That is not the key." : "");
    input.setAttribute("aria-invalid", String(Boolean(given)));
    const dialog = openDialog(heading, title(heading, () => dialog.close()),
      h("form", { class: "dialog-fields", on: {
        submit: (event) => {
          event.preventDefault();
          const key = input.value.trim();
          if (!key) return;
          dialog.close();
          chat.join(room, { key });
        },
      } },
      h("p", { class: "hint" }, hint),
      h("div", { class: "field" }, h("label", { for: "room-key" }, "Key"), input, wrong),
      h("div", { class: "dialog-buttons" },
        h("button", { type: "button", class: "button", on: { click: () => dialog.close() } }, "Cancel"),
        h("button", { type: "submit", class: "button primary" }, "Join"))));
    input.focus();
  }
}
