// Notifications while the user looks elsewhere: the title, the icon, desktop notifications, and a
// limited number of announcements for screen readers.

import { byId } from "./lib/dom.js";
import { asset } from "./lib/place.js";
import { settings } from "./model/storage.js";

const GATHER = 900;
const AT_ONCE = 3;

export class Notifier {
  #app;
  #said = [];
  #timer = 0;
  #announcer = byId("announcer");
  #favicon = byId("favicon");

  constructor(app) {
    this.#app = app;
    const { state } = app;
    for (const event of ["list", "active", "me"]) state.on(event, () => this.#title());
    state.on("arrived", (conversation, message, watched) => {
      if (!conversation.catchingUp) this.#arrived(conversation, message, watched);
    });
    state.on("announcement", (words) => this.#show("Announcement", words, "announcement"));
  }

  #title() {
    const { state } = this.#app;
    const count = state.unreadTotal;
    const where = state.active ? state.active.title : "Chat";
    const mark = count > 0 ? `(${count}) ` : state.hasUnread ? "• " : "";
    document.title = `${mark}${where} · Chat`;
    const icon = count > 0 ? asset("icon-unread.svg") : asset("icon.svg");
    if (this.#favicon.getAttribute("href") !== icon) this.#favicon.setAttribute("href", icon);
  }

  #arrived(conversation, message, watched) {
    const { state } = this.#app;
    const isForMe = !conversation.isRoom || state.mentionsMe(message.body);
    if (conversation === state.active) this.#say(message.kind === "action" ? `${message.from} ${message.body}` : `${message.from}: ${message.body}`);
    else if (isForMe) this.#say(`${message.from} in ${conversation.title}: ${message.body}`);
    if (isToBeTold(conversation, isForMe) && !watched) {
      const title = conversation.isRoom ? `${message.from} in ${conversation.title}` : message.from;
      if (settings.sound) sound();
      this.#show(title, message.body, conversation.key, () => this.#app.show(conversation));
    }
  }

  #show(title, body, tag, click) {
    if (!settings.notify || !globalThis.Notification || Notification.permission !== "granted") return;
    if (document.visibilityState === "visible" && document.hasFocus()) return;
    try {
      const note = new Notification(title, { body: body.slice(0, 200), tag, icon: asset("icon.svg") });
      note.addEventListener("click", () => {
        window.focus();
        note.close();
        click?.();
      });
    } catch {
      // On phones only service workers may do this.
    }
  }

  /** Says what came within a moment together; only how many if it is a lot. */
  #say(words) {
    this.#said.push(words.slice(0, 300));
    this.#timer ||= setTimeout(() => {
      this.#timer = 0;
      const all = this.#said;
      this.#said = [];
      const text = all.length <= AT_ONCE ? all.join("\n") : `${all.length} new messages`;
      const line = document.createElement("p");
      line.textContent = text;
      this.#announcer.replaceChildren(line);
    }, GATHER);
  }
}

/** Whether a message is one of those that a room is to notify of. */
function isToBeTold({ isRoom, notify }, isForMe) {
  const level = isRoom ? notify : "mentions";
  return level === "all" || (isForMe && level !== "nothing");
}

/** Makes a sound, if the browser lets the page. */
export function sound() {
  import("./sound.js").then(({ chime }) => chime()).catch(() => {});
}

/** Asks for permission; words if there will be no notifications. */
export async function askPermission() {
  if (!globalThis.Notification) return "This browser has no notifications for this page.";
  const answer = await Notification.requestPermission();
  return answer === "granted" ? "" : "The browser does not allow notifications from this page.";
}
