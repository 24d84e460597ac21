// The left column: rooms, direct messages, and the user.

import { attribute, byId, h, icon, reconcile, soon } from "../lib/dom.js";
import { openMenu } from "./menu.js";
import { avatar, badge, CONTROL, presence } from "./parts.js";
import { settings, theme } from "../model/storage.js";

export class Sidebar {
  #app;
  #rooms = byId("rooms");
  #directs = byId("directs");
  #me = byId("me");

  constructor(app) {
    this.#app = app;
    const paint = () => soon(this.#paint);
    for (const event of ["list", "active", "me", "link"]) app.state.on(event, paint);
    byId("browse").append(icon("compass"), "Browse or create rooms");
    byId("browse").addEventListener("click", () => app.open("rooms"));
    byId("compose-direct").append(icon("plus"), "New message");
    byId("compose-direct").addEventListener("click", () => app.open("quick", "@"));
    byId("jump").lastElementChild.textContent = `${CONTROL} K`;
    byId("jump").addEventListener("click", () => app.open("quick"));
    this.#me.addEventListener("click", () => this.#menu());
  }

  #paint = () => {
    const { state } = this.#app;
    const row = (conversation) => this.#row(conversation);
    const update = (element, conversation) => this.#update(element, conversation);
    const key = (conversation) => conversation.key;
    reconcile(this.#rooms, state.joinedRooms, key, row, update);
    reconcile(this.#directs, state.directs, key, row, update);
    const away = state.awayOf(state.me);
    const link = state.link.isQuiet ? "quiet" : state.link.state;
    const status = link === "open" && away !== null ? `Away: ${away}` : STATUS[link];
    this.#me.replaceChildren(
      avatar(state.me || "?"),
      h("span", { class: "who" },
        h("span", { class: "nickname" }, state.me),
        h("span", { class: `status ${link}${away === null ? "" : " away"}` }, status)),
      icon("updown"),
    );
    this.#me.setAttribute("aria-label", `${state.me}, ${status}: settings`);
  };

  #row(conversation) {
    return h("li", {}, h("button", {
      type: "button", class: "row-button", on: { click: () => this.#app.show(conversation) },
    }));
  }

  #update(element, conversation) {
    const button = element.firstElementChild;
    const { mentions, isRoom, muted } = conversation;
    const unread = muted ? mentions : conversation.unread;
    const shown = [conversation.name, muted, unread, mentions, conversation.count, conversation.online].join("|");
    attribute(button, "aria-current", conversation === this.#app.state.active ? "true" : null);
    button.classList.toggle("unread", unread > 0);
    button.classList.toggle("muted", muted);
    if (button.shown === shown) return;
    button.shown = shown;
    const right = unread > 0
      ? badge(unread, isRoom ? mentions : unread)
      : "";
    // Not beside the name, where a number means that there is something to read.
    attribute(button, "title", isRoom && conversation.count ? `${conversation.count} here` : null);
    const left = isRoom
      ? icon("hash")
      : h("span", { class: "with-presence" }, avatar(conversation.name, "small"), presence(conversation.online));
    button.replaceChildren(left, h("span", { class: "label" }, conversation.name),
      muted ? h("span", { class: "unseen" }, ", muted, ") : "", right || "");
  }

  #menu() {
    const app = this.#app;
    const chosen = theme();
    openMenu(this.#me, "Settings", [
      { heading: "Appearance" },
      ...["system", "light", "dark"].map((name) => ({
        label: { system: "As the system", light: "Light", dark: "Dark" }[name],
        checked: chosen === name, radio: true, run: () => app.setTheme(name),
      })),
      { heading: "Conversations" },
      { label: "Desktop notifications", checked: settings.notify, run: () => app.toggleNotifications() },
      { label: "Sound", checked: settings.sound, run: () => app.toggleSound() },
      { label: "Show who comes and goes", checked: settings.comings, run: () => app.chat.setting("comings", !settings.comings) },
      {},
      { label: "Away…", hidden: app.state.awayOf(app.state.me) !== null, run: () => app.open("away") },
      { label: "I am back", hidden: app.state.awayOf(app.state.me) === null, run: () => app.chat.governance.setAway("") },
      { label: "Change nickname…", hidden: app.state.isAccount, run: () => app.open("nickname") },
      { label: "Keys and commands", key: "?", run: () => app.open("help") },
      { label: "My account…", hidden: !app.state.isAccount, run: () => app.open("account") },
      { label: "Sign out", danger: true, run: () => app.signOut() },
    ]);
  }
}

const STATUS = {
  open: "Online",
  quiet: "No answer…",
  connecting: "Connecting…",
  waiting: "Reconnecting…",
  ended: "Not connected",
};
