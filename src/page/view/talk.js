// The middle column around the stream: its title, the state of the connection, announcements, and
// the button back to the newest message.

import { attribute, byId, h, icon, iconButton, soon } from "../lib/dom.js";
import { rights } from "../model/rules.js";
import { openMenu } from "./menu.js";
import { fullTime, timeOrDay } from "../time.js";
import { avatar, plural, presence } from "./parts.js";

export class Talk {
  #app;
  #head = byId("talk-head");
  #banners = byId("banners");
  #below = byId("below");
  #ticking = 0;
  /** The conversation and the name that the head is made for, and what updates it. */
  #shown = null;
  #name;
  #update = null;

  constructor(app) {
    this.#app = app;
    const { state } = app;
    for (const event of ["active", "list", "members", "aside"]) state.on(event, () => soon(this.#paintHead));
    state.on("link", () => soon(this.#paintBanners));
    state.on("announcement", () => soon(this.#paintBanners));
    state.on("end", (isAtEnd) => this.#paintBelow(isAtEnd));
  }

  /** It is made for a conversation and updated afterwards: a button that has the focus or is being pressed stays. */
  #paintHead = () => {
    const { active } = this.#app.state;
    if (this.#update === null || active !== this.#shown || active?.name !== this.#name) {
      this.#shown = active;
      this.#name = active?.name;
      this.#update = this.#makeHead(active);
    }
    this.#update();
  };

  /** Returns what updates it. */
  #makeHead(active) {
    const { state } = this.#app;
    const dot = h("span", { class: "dot" });
    const back = iconButton("back", "All conversations", () => this.#app.showList(), { class: "icon-button back" });
    const updateBack = () => {
      const elsewhere = state.unreadTotal - (active ? (active.isRoom ? active.mentions : active.unread) : 0);
      const label = elsewhere > 0 ? `All conversations, ${elsewhere} unread` : "All conversations";
      for (const name of ["aria-label", "title"]) attribute(back, name, label);
      if (elsewhere > 0) back.append(dot);
      else dot.remove();
    };
    if (!active) {
      this.#head.replaceChildren(back, h("h2", { id: "talk-title" }, "Chat"));
      return updateBack;
    }
    const picture = active.isRoom ? icon("hash") : h("span", { class: "with-presence" }, avatar(active.name, "small"), presence(active.online));
    const about = h("span", { class: "about" });
    const toggle = (mode, label) => iconButton(mode, label, () => this.#app.toggleAside(mode), { data: { mode } });
    const toggles = [toggle("search", active.isRoom ? "Search this room" : "Search these messages"), ...(active.isRoom ? [toggle("people", "People")] : [])];
    this.#head.replaceChildren(back, picture,
      h("h2", { id: "talk-title" }, active.name), about,
      h("span", { class: "tools" }, toggles, this.#more(active)));
    return () => {
      updateBack();
      const words = active.isRoom ? `${active.count} here` : active.online ? "online" : "offline";
      if (about.textContent !== words) {
        about.textContent = words;
        if (!active.isRoom) picture.lastElementChild.replaceWith(presence(active.online));
      }
      const aside = document.documentElement.dataset.aside ?? "";
      for (const button of toggles) attribute(button, "aria-pressed", String(aside === button.dataset.mode));
    };
  }

  #more(active) {
    const button = iconButton("more", active.isRoom ? "Room actions" : "Conversation actions", () => openMenu(button, active.title,
      active.isRoom
        ? [
            { label: rights(this.#app.state, active).operate ? "Room settings…" : "Rules of the room…", hidden: !active.joined, run: () => this.#app.open("settings", active) },
            { label: "Invite someone…", hidden: !rights(this.#app.state, active).operate, run: () => this.#app.open("invite", active) },
            { heading: "Notify me of" },
            ...[["all", "All messages"], ["mentions", "Mentions"], ["nothing", "Nothing"]].map(([level, label]) => ({
              label, radio: true, checked: active.notify === level,
              run: () => this.#app.chat.myRooms.notify(active, level),
            })),
            {},
            { label: "Mute the room", checked: active.muted, run: () => this.#app.chat.myRooms.mute(active, !active.muted) },
            { label: "Leave the room", danger: true, run: () => this.#app.chat.leave(active) },
          ]
        : [
            { label: this.#app.state.isIgnored(active.name) ? "Stop ignoring" : "Ignore", run: () => this.#app.chat.ignore(active.name, !this.#app.state.isIgnored(active.name)) },
            { label: "Close the conversation", run: () => this.#app.state.remove(active) },
          ]), { "aria-haspopup": "menu", "aria-expanded": "false" });
    return button;
  }

  #paintBanners = () => {
    const { state } = this.#app;
    clearTimeout(this.#ticking);
    const banners = [];
    const announcement = state.announcements.at(-1);
    if (announcement) banners.push(this.#announcement(announcement, state.announcements.length - 1));
    const link = this.#linkWords();
    if (link) {
      banners.unshift(h("div", { class: "banner offline", role: "status" }, icon("offline"), h("p", {}, link),
        state.link.state === "waiting" && h("button", { type: "button", class: "button small", on: { click: () => this.#app.retry() } }, "Try now"),
        state.link.state === "ended" && h("button", { type: "button", class: "button small", on: { click: () => this.#app.comeBack() } }, "Come back"),
      ));
      if (state.link.state === "waiting") this.#ticking = setTimeout(this.#paintBanners, 1000);
    }
    this.#banners.replaceChildren(...banners);
  };

  /** The latest announcement; earlier ones show when it is dismissed. */
  #announcement(announcement, earlier) {
    const { state } = this.#app;
    const { words, at } = announcement;
    return h("div", { class: "banner announcement", role: "alert" },
      icon("megaphone"),
      h("p", { tabindex: "0" }, h("strong", {}, "Announcement"), " ", h("time", { datetime: new Date(at).toISOString(), title: fullTime(at) }, timeOrDay(at)), "\n", words),
      earlier > 0 && h("span", { class: "count" }, `${earlier} more`),
      iconButton("close", "Dismiss", () => {
        state.announcements = state.announcements.filter((other) => other !== announcement);
        this.#paintBanners();
      }));
  }

  #linkWords() {
    const { state, until, why, isQuiet } = this.#app.state.link;
    const seconds = Math.max(1, Math.ceil((until - Date.now()) / 1000));
    if ((state === "waiting" || isQuiet) && !navigator.onLine) return "You are offline. What you write is sent when the network is back.";
    if (state === "waiting") return `${why?.words || "The connection was lost."} Trying again in ${seconds} s; what you write is kept until then.`;
    if (isQuiet) return "The server does not answer. What you write is kept, and sent as soon as it does.";
    if (state === "connecting") return this.#app.wasOnline ? "Connecting again…" : "";
    if (state === "ended") return why?.words ?? "You have been disconnected.";
    return "";
  }

  #paintBelow(isAtEnd) {
    if (isAtEnd) return this.#below.replaceChildren();
    const { state, stream, chat } = this.#app;
    const { active } = state;
    const button = (run, ...content) => h("button", { type: "button", class: "button small", on: { click: run } }, ...content);
    if (!this.#below.firstElementChild) {
      this.#below.replaceChildren(h("div", {},
        button(() => stream.toEnd(), icon("down"), h("span", {})),
        button(() => {
          chat.markRead(state.active);
          state.active.divider = null;
          state.emit("stream", state.active);
        }, "Mark as read")));
    }
    const [jump, mark] = this.#below.firstElementChild.children;
    const words = active.unread > 0 ? `Jump to newest · ${plural(active.unread, "new message")}` : "Jump to newest";
    if (jump.lastElementChild.textContent !== words) jump.lastElementChild.textContent = words;
    mark.hidden = active.unread === 0;
  }
}
