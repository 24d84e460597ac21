// The application: connects the parts, and handles the conversation that the address names, keys,
// and signing in and out.

import { byId, h, soon } from "./lib/dom.js";
import { KEPT } from "./lib/place.js";
import { Chat } from "./model/chat.js";
import { Connection } from "./model/connection.js";
import { giveUp, isRefused, renew } from "./model/api.js";
import { change, forgetLogin, onForgotten, savedLogin, saveLogin, settings, setTheme } from "./model/storage.js";
import { sameName } from "./model/names.js";
import { State } from "./model/state.js";
import { askPermission, Notifier } from "./notify.js";
import { Actions } from "./view/actions.js";
import { Aside } from "./view/aside.js";
import { Composer } from "./view/composer.js";
import { openAway, openHelp, openNickname, openQuick, openRooms } from "./view/dialogs.js";
import { Joining } from "./view/joining.js";
import { Keys } from "./view/keys.js";
import { Sidebar } from "./view/sidebar.js";
import { SignIn } from "./view/signin.js";
import { Stream } from "./view/stream.js";
import { Talk } from "./view/talk.js";
import { Topic } from "./view/topic.js";

const NARROW = matchMedia("(max-width: 760px)");
const WIDE = matchMedia("(min-width: 1100px)");
const TOAST = 6_000;
/** How often a lasting token is renewed, and how often that is checked. */
const RENEW_AFTER = 24 * 3_600_000;
const LOOK_EVERY = 3_600_000;
/** How long to wait for the room that the address names. */
const LATEST = 3_000;

/** Dialogs that few open, loaded when they are. */
const LATER = {
  settings: async () => (await import("./view/room_settings.js")).openSettings,
  card: async () => (await import("./view/person_dialogs.js")).openCard,
  against: async () => (await import("./view/person_dialogs.js")).openAgainst,
  invite: async () => (await import("./view/person_dialogs.js")).openInvite,
};

class App {
  state = new State();
  chat = null;
  wasOnline = false;
  #connection = null;
  #login;
  #isLeaving = false;
  /** What the address names, until it is shown. */
  #wanted = addressed();
  /** An invitation that the address has, until it is used: `{room, secret}`. */
  #invitation = invitation();

  constructor(login) {
    this.#login = login;
    const { state } = this;
    state.enter(login);
    this.stream = new Stream(this);
    this.composer = new Composer(this);
    this.aside = new Aside(this);
    new Sidebar(this);
    new Talk(this);
    new Topic(this);
    new Joining(this);
    new Notifier(this);
    new Actions(this);
    new Keys(this);
    state.on("toast", (words) => toast(words));
    state.on("active", () => this.#address());
    state.on("opened", () => {
      this.#pane("talk");
      this.focusComposer();
    });
    state.on("joined", (room) => this.#arrivedIn(room));
    state.on("link", () => this.#linked());
    state.on("welcome", () => this.#useInvitation());
    addEventListener("hashchange", () => this.#fromAddress());
    addEventListener("pagehide", () => this.chat.saveNow());
    addEventListener("beforeunload", (event) => {
      if (this.chat.delivery.isBusy) event.preventDefault();
    });
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState !== "visible") return;
      this.retry();
      if (state.active && state.atEnd) this.chat.markRead(state.active);
      if (state.active) state.emit("stream", state.active);
    });
    if (login.keep) {
      onForgotten(() => this.#leave("You have signed out in another tab."));
      setInterval(() => this.#renew(), LOOK_EVERY);
      this.#renew();
    }
    this.#connect();
    byId("chat").hidden = false;
    this.#pane(location.hash.length > 1 || !NARROW.matches ? "talk" : "list");
    this.aside.show(settings.people && WIDE.matches ? "people" : "");
  }

  // What views ask for -------------------------------------------------------

  show(conversation) {
    if (conversation.isRoom) {
      this.chat.join(conversation.name);
      this.chat.askMembers(conversation);
    } else {
      this.chat.openDirect(conversation.name);
    }
  }

  showList() {
    this.#pane("list");
  }

  open(what, argument) {
    const dialogs = { quick: openQuick, rooms: openRooms, nickname: openNickname, away: openAway, help: openHelp };
    if (dialogs[what]) dialogs[what](this, argument);
    else if (LATER[what]) LATER[what]().then((open) => open(this, argument), () => toast("That could not be loaded. Is the network there?"));
    else this.aside.show(what, argument);
  }

  toggleAside(mode) {
    const isShown = this.aside.mode === mode;
    if (mode === "people") change("people", !isShown);
    this.aside.show(isShown ? (mode === "search" && settings.people && WIDE.matches ? "people" : "") : mode);
    if (isShown) this.focusComposer();
  }

  closeAside() {
    this.toggleAside(this.aside.mode);
  }

  /** Focuses the message field, unless that would open an on-screen keyboard. */
  focusComposer() {
    if (matchMedia("(pointer: fine)").matches && !document.querySelector("dialog")) this.composer.focus();
  }

  /** Shows a message that was found, fetching what is between. */
  async jumpTo(room, { id }) {
    this.show(room);
    if (NARROW.matches) this.aside.show("");
    for (let tries = 0; tries < 60 && !room.find(id) && !room.complete; tries += 1) {
      this.chat.older(room, 300);
      const came = await this.state.until("stream", () => !room.loading, 8_000);
      if (!came) break;
    }
    const message = room.find(id);
    if (message) soon(() => this.stream.reveal(message));
    else toast("That message is too far back to be shown here.");
  }

  retry() {
    this.#connection.retry();
  }

  /** Reconnects after having been asked to leave. */
  comeBack() {
    this.#connect();
  }

  setTheme(theme) {
    setTheme(theme);
  }

  async toggleNotifications() {
    if (settings.notify) return this.chat.setting("notify", false);
    const words = await askPermission();
    if (words) return toast(words);
    this.chat.setting("notify", true);
    toast("You will be notified of mentions and direct messages.");
  }

  /** Signs out, on the server too, and so in other tabs. */
  async signOut() {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#connection.send("exit");
    const isKnown = await giveUp(this.#login.token);
    this.#leave(isKnown ? "" : "Signed out here. The server could not be told, so other tabs may still be signed in.");
  }

  /** Back to the door. */
  #leave(words) {
    this.#isLeaving = true;
    forgetLogin(this.#login);
    this.#connection.close();
    if (words) sessionStorage.setItem(`${KEPT}words`, words);
    // An invitation that was not used yet is used after the next sign-in.
    if (!this.#invitation) history.replaceState(null, "", location.pathname);
    location.reload();
  }

  // ---------------------------------------------------------------------------

  #connect() {
    this.#connection?.close();
    this.#connection = new Connection(this.#login.token);
    if (this.chat) this.chat.use(this.#connection);
    else this.chat = new Chat(this.state, this.#connection, this.#login);
    this.#connection.open();
  }

  #linked() {
    const { state, why } = this.state.link;
    if (state === "open") this.wasOnline = true;
    if (state !== "ended" || this.#isLeaving) return;
    if (why.code === "token_revoked" || why.code === "password_changed") this.#revoked();
    else if (!why.entered) this.#leave(why.words);
  }

  /** The token of this connection has ended, but there may be a renewed one. */
  async #revoked() {
    if (await isRefused(this.#login.token)) this.#leave("You have been signed out. Please sign in again.");
    else this.#connect();
  }

  async #renew() {
    // Another tab may have renewed it.
    const saved = savedLogin();
    if (saved?.keep && saved.nickname === this.#login.nickname) this.#login = saved;
    if (Date.now() - (this.#login.renewed ?? 0) > RENEW_AFTER) {
      const token = await renew(this.#login.token);
      if (!token || this.#isLeaving) return;
      this.#login = { ...this.#login, token, renewed: Date.now() };
      saveLogin(this.#login, true);
    }
    this.#connection?.use(this.#login.token);
  }

  /** In a room without having asked for it just now: at the start. What the
   * address names is shown as soon as we are there, else the first room. */
  #arrivedIn(room) {
    if (this.state.active) return;
    if (!this.#wanted) return this.state.activate(room);
    const isThere = this.#wanted.startsWith("@") || !this.state.find("room", this.#wanted) || sameName(room.name, this.#wanted);
    if (isThere) this.#visit(this.#wanted);
    else setTimeout(() => this.state.active ?? this.state.activate(room), LATEST);
  }

  /** Opens what an address names. */
  #visit(name) {
    this.#wanted = "";
    if (name.startsWith("@")) this.chat.openDirect(name.slice(1));
    else this.chat.join(name);
  }

  /** Joins by the invitation in the address, and takes it out of there: it is a secret, and
   * stored nowhere. */
  #useInvitation() {
    const invited = this.#invitation;
    if (!invited) return;
    this.#invitation = null;
    history.replaceState(null, "", location.pathname);
    this.chat.join(invited.room, { invitation: invited.secret });
  }

  #fromAddress() {
    this.#invitation = invitation();
    if (this.#invitation && this.chat.isOpen) return this.#useInvitation();
    const name = addressed();
    if (name && location.hash !== this.#hash()) this.#visit(name);
    else this.#pane(name || !NARROW.matches ? "talk" : "list");
  }

  #hash() {
    const { active } = this.state;
    return active ? `#${active.isRoom ? "" : "@"}${encodeURIComponent(active.name)}` : "";
  }

  #address() {
    const { active, joinedRooms } = this.state;
    if (!active && joinedRooms.length > 0) return this.state.activate(joinedRooms[0]);
    if (active && location.hash !== this.#hash()) {
      history.replaceState(null, "", this.#hash());
    }
  }

  #pane(name) {
    byId("chat").dataset.pane = name;
  }
}

/** The invitation in the address, as `/join/<room>/<secret>` leads to. */
function invitation() {
  const given = new URLSearchParams(location.hash.slice(1));
  const room = given.get("join");
  const secret = given.get("invitation");
  return room && secret ? { room, secret } : null;
}

/** What the address names: a room, or `@` and a person. */
function addressed() {
  if (invitation()) return "";
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}

/** Words for a moment; in a dialog that has a place for them, as long as it is open. */
function toast(words) {
  const box = document.querySelector("dialog[open] .dialog-words");
  if (box) {
    box.textContent = words;
    return;
  }
  const element = h("div", { class: "toast" }, words);
  byId("toasts").append(element);
  setTimeout(() => element.remove(), TOAST);
}

// Start ------------------------------------------------------------------------

const signIn = new SignIn((login) => {
  signIn.hide();
  saveLogin(login, login.keep);
  new App(login);
});

const login = savedLogin();
const words = sessionStorage.getItem(`${KEPT}words`) ?? "";
sessionStorage.removeItem(`${KEPT}words`);
if (login) new App(login);
else signIn.show(words || (invitation() ? `You are invited to #${invitation().room}. Enter, or log in, to join.` : ""));
