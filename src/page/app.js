// The application: connects the parts, and handles the conversation that the address names, keys,
// and signing in and out.

import { byId, h, soon } from "./lib/dom.js";
import { KEPT } from "./lib/place.js";
import { Chat } from "./model/chat.js";
import { Connection } from "./model/connection.js";
import { compareIds } from "./model/conversation.js";
import { changeEmail, changePassword, deleteAccount, endSignIn, endSignIns, ownAccount, renew, signIns, whyNot } from "./model/api.js";
import { change, forgetLogin, onForgotten, savedLogin, saveLogin, settings, setTheme } from "./model/storage.js";
import { sameName } from "./model/names.js";
import { giveUpLater, giveUpNow } from "./model/signing_out.js";
import { State } from "./model/state.js";
import { askPermission, Notifier, sound } from "./notify.js";
import { hashOf, Trail } from "./trail.js";
import { Actions } from "./view/actions.js";
import { Aside } from "./view/aside.js";
import { Composer } from "./view/composer.js";
import { openAway, openHelp, openLeaving, openNickname, openQuick, openRooms } from "./view/dialogs.js";
import { Joining } from "./view/joining.js";
import { Keys } from "./view/keys.js";
import { Sidebar } from "./view/sidebar.js";
import { SignIn } from "./view/signin.js";
import { Stream } from "./view/stream.js";
import { Talk } from "./view/talk.js";
import { Topic } from "./view/topic.js";

const WIDE = matchMedia("(min-width: 1100px)");
const TOAST = 6_000;
/** How often a lasting token is renewed, and how often that is checked. */
const RENEW_AFTER = 24 * 3_600_000;
const LOOK_EVERY = 3_600_000;
/** How long to wait for the room that the address names. */
const LATEST = 3_000;
/** How long to wait for each part of what is between. */
const SLOWEST = 30_000;

/** Dialogs that few open, loaded when they are. */
const LATER = {
  account: async () => (await import("./view/account.js")).openAccount,
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
  /** Whether this connection is about to end because the page has asked for another token. */
  #isChanging = false;
  /** What the address names, until it is shown. */
  #wanted = addressed();
  /** The room that is shown meanwhile, until the user opens one. */
  #standIn = null;
  /** The message that the address names, until it is shown. */
  #named = messageNamed();
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
    state.on("opened", (conversation) => {
      this.#standIn = null;
      this.focusComposer();
      this.#showNamed(conversation);
    });
    state.on("noRoom", () => {
      if (!state.active) state.activate(state.joinedRooms[0] ?? null);
      this.trail.rewrite();
    });
    state.on("resuming", () => {
      const there = state.joinedRooms.find(({ joined }) => joined);
      if (there) this.#arrivedIn(there);
    });
    state.on("joined", (room) => this.#arrivedIn(room));
    state.on("link", () => this.#linked());
    state.on("welcome", () => this.#useInvitation());
    addEventListener("pagehide", () => this.chat.leavePage());
    addEventListener("beforeunload", (event) => {
      if (this.chat.delivery.isBusy) event.preventDefault();
    });
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState !== "visible") return;
      this.retry();
      this.chat.lookElsewhere();
      // What has come meanwhile has not been seen.
      if (state.active?.unread > 0) this.stream.reopen();
    });
    if (login.keep) {
      // A tab that does not know the new password's token yet forgets the old one's.
      onForgotten(() => this.#isChanging || this.#leave("You have signed out in another tab."));
      setInterval(() => this.#renew(), LOOK_EVERY);
      this.#renew();
    }
    this.#connect();
    byId("chat").hidden = false;
    this.trail = new Trail(this);
    this.aside.show(settings.people && WIDE.matches ? "people" : "");
  }

  // What views ask for -------------------------------------------------------

  show(conversation) {
    if (conversation.isRoom) {
      this.chat.join(conversation.name);
    } else {
      this.chat.openDirect(conversation.name);
    }
  }

  showList() {
    this.trail.toList();
  }

  open(what, argument) {
    const dialogs = { quick: openQuick, rooms: openRooms, nickname: openNickname, leaving: openLeaving, away: openAway, help: openHelp };
    if (dialogs[what]) dialogs[what](this, argument);
    else if (LATER[what]) LATER[what]().then((open) => open(this, argument), () => toast("That could not be loaded. Is the network there?"));
    else this.#showAside(what, argument);
  }

  #showAside(mode, query) {
    this.aside.show(mode, query);
    this.trail.covered(mode);
  }

  toggleAside(mode) {
    const isShown = this.aside.mode === mode;
    if (mode === "people") change("people", !isShown);
    if (!isShown) return this.#showAside(mode);
    this.aside.show(mode === "search" && settings.people && WIDE.matches ? "people" : "");
    this.trail.uncover();
    this.focusComposer();
  }

  closeAside() {
    this.toggleAside(this.aside.mode);
  }

  /** Focuses the message field, unless that would open an on-screen keyboard. */
  focusComposer() {
    if (matchMedia("(pointer: fine)").matches && !document.querySelector("dialog")) this.composer.focus();
  }

  /** Shows a message that was found, fetching what is between. */
  async jumpTo(room, id) {
    if (this.trail.isNarrow) await this.trail.uncover();
    this.show(room);
    await this.#fetchUntil(room, () => room.find(id) !== null);
    const message = room.find(id);
    if (message) soon(() => this.stream.reveal(message));
    else toast("That message is too far back to be shown here.");
  }

  /** Shows the first new message of a room, fetching what is between. */
  async jumpToNew(room) {
    const after = room.divider ?? room.read;
    const isThere = () => room.complete || (room.firstId !== null && compareIds(room.firstId, after) <= 0);
    await this.#fetchUntil(room, isThere);
    if (!isThere()) return toast("The first new message is too far back to be shown here.");
    const message = room.messages[room.indexAfter(after)];
    if (message && room === this.state.active) soon(() => this.stream.reveal(message));
  }

  async #fetchUntil(room, isThere) {
    for (let tries = 0; tries < 60 && !isThere() && !room.complete; tries += 1) {
      this.chat.older(room, 300);
      const came = await this.state.until("stream", () => !room.loading && !room.catchingUp, SLOWEST);
      if (!came) break;
    }
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

  toggleSound() {
    this.chat.setting("sound", !settings.sound);
    if (settings.sound) sound();
  }

  /** Signs out, on the server too, and so in other tabs. */
  signOut() {
    if (this.#isLeaving) return;
    this.state.forgetDrafts();
    this.#connection.send("exit");
    giveUpLater(this.#login.token);
    this.#leave("");
  }

  /** Deletes the account, or throws why it cannot be. */
  async deleteAccount(password, erases) {
    await deleteAccount(this.state.me, password, erases);
    if (this.#isLeaving) return;
    this.state.forgetDrafts();
    this.#leave("Your account is deleted.");
  }

  /** Changes the password and stays signed in, or throws why it cannot be. */
  changePassword(present, next) {
    return this.#change(() => changePassword(this.state.me, present, next, this.#login.keep));
  }

  /** Signs out everywhere else. */
  signOutElsewhere() {
    return this.#change(() => endSignIns(this.#login.token));
  }

  /** Goes on with the token that `ask` brings: that of this connection has ended. */
  async #change(ask) {
    this.#isChanging = true;
    try {
      const token = await ask();
      this.#login = { ...this.#login, token, renewed: Date.now() };
      saveLogin(this.#login, this.#login.keep);
      this.#connect();
    } finally {
      this.#isChanging = false;
      // It may have ended for another reason meanwhile.
      this.#linked();
    }
  }

  signIns() {
    return signIns(this.#login.token);
  }

  endSignIn(id) {
    return endSignIn(this.#login.token, id);
  }

  /** Changes the e-mail address; an empty one is taken away. Returns the present one. */
  async changeEmail(password, email) {
    return (await changeEmail(this.state.me, password, email)).email;
  }

  ownAccount() {
    return ownAccount(this.#login.token);
  }

  /** Back to the door. */
  #leave(words) {
    this.#isLeaving = true;
    forgetLogin(this.#login);
    this.#connection.close();
    if (words) sessionStorage.setItem(`${KEPT}words`, JSON.stringify({ words, nickname: this.state.me, kind: this.#login.kind }));
    // A proxy that knows the user must not bring them back at once.
    sessionStorage.setItem(`${KEPT}signed-out`, "1");
    // An invitation that was not used yet is used after the next sign-in.
    if (!this.#invitation) history.replaceState(null, "", location.pathname);
    location.reload();
  }

  // ---------------------------------------------------------------------------

  #connect() {
    this.#connection?.close();
    this.#connection = new Connection(this.#login.token);
    if (this.chat) this.chat.use(this.#connection);
    else {
      this.chat = new Chat(this.state, this.#connection, this.#login);
      this.chat.first = this.#wanted;
    }
    this.#connection.open();
  }

  #linked() {
    const { state, why } = this.state.link;
    if (state === "open" && !this.wasOnline) keepOffline();
    if (state === "open") this.wasOnline = true;
    if (state !== "ended" || this.#isLeaving || this.#isChanging) return;
    if (why.code === "token_revoked" || why.code === "password_changed") this.#revoked();
    else if (!why.entered || why.code.startsWith("account_")) this.#leave(why.words);
  }

  /** The token of this connection has ended, but there may be a renewed one. */
  async #revoked() {
    const saved = savedLogin();
    if (saved?.nickname === this.#login.nickname && saved.token !== this.#login.token) this.#login = saved;
    if ((await whyNot(this.#login.token)).isRefused) this.#leave("You have been signed out. Please sign in again.");
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
    const { active } = this.state;
    // Nobody who has begun to write is taken elsewhere.
    const isLate = active && active === this.#standIn && !active.draft && sameName(room.name, this.#wanted);
    // An account's rooms are known a moment later.
    if ((active && !isLate) || this.chat.myRooms.isAwaited) return;
    if (!this.#wanted) return this.state.activate(room);
    const isThere = this.#wanted.startsWith("@") || !this.state.find("room", this.#wanted) || sameName(room.name, this.#wanted);
    if (isThere) this.#visit(this.#wanted);
    else setTimeout(() => this.#standInWith(room), LATEST);
  }

  /** Shows another room as long as that which the address names does not come. */
  #standInWith(room) {
    if (this.state.active) return;
    this.#standIn = room;
    this.state.activate(room);
  }

  /** Shows the message that the address names, now that its room is open. */
  #showNamed(room) {
    const named = this.#named;
    if (!named || !room.isRoom || !sameName(room.name, named.room)) return;
    this.#named = null;
    this.jumpTo(room, named.id);
  }

  /** Opens what an address names. */
  #visit(name) {
    this.#wanted = "";
    if (name.startsWith("@")) this.chat.openDirect(name.slice(1));
    else this.chat.visit(name);
  }

  /** Joins by the invitation in the address, and takes it out of there: it is a secret, and
   * stored nowhere. */
  #useInvitation() {
    const invited = this.#invitation;
    if (!invited) return;
    this.#invitation = null;
    this.trail.rewrite();
    this.chat.join(invited.room, { invitation: invited.secret });
  }

  /** The user has changed the address. */
  fromAddress() {
    this.#invitation = invitation();
    if (this.#invitation && this.chat.isOpen) return this.#useInvitation();
    const name = addressed();
    this.#named = messageNamed();
    this.trail.show("talk");
    const { active } = this.state;
    if (name && (!active || location.hash !== hashOf(active))) this.#visit(name);
    this.trail.rewrite();
  }

  /** There is always a room to show, if there is any. */
  #address() {
    const { active, joinedRooms } = this.state;
    if (!active && joinedRooms.length > 0) this.state.activate(joinedRooms[0]);
  }
}

/** Keeps the page's files, once there is nothing else to do. */
function keepOffline() {
  const later = globalThis.requestIdleCallback ?? setTimeout;
  later(() => import("./offline.js").then(({ keepFiles }) => keepFiles(), () => {}));
}

/** The invitation in the address, as `/join/<room>/<secret>` leads to. */
function invitation() {
  const given = new URLSearchParams(location.hash.slice(1));
  const room = given.get("join");
  const secret = given.get("invitation");
  return room && secret ? { room, secret } : null;
}

/** The invitation to register in the address. It is a secret: it is taken out of there. */
function invitationToRegister() {
  const secret = new URLSearchParams(location.hash.slice(1)).get("register");
  if (secret) history.replaceState(null, "", location.pathname);
  return secret ?? "";
}

/** What the address names: a room, or `@` and a person. */
function addressed() {
  if (invitation()) return "";
  try {
    return decodeURIComponent(location.hash.slice(1).split("/")[0]);
  } catch {
    return "";
  }
}

/** The message that the address names after a room: `{room, id}`. */
function messageNamed() {
  const id = /\/(\d+-\d+)$/.exec(location.hash)?.[1];
  const room = addressed();
  return id && room && !room.startsWith("@") ? { room, id } : null;
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

const UNTOLD = "Signed out here. The server could not be told yet, so other tabs may still be signed in.";

const hasLeft = sessionStorage.getItem(`${KEPT}signed-out`) !== null;
sessionStorage.removeItem(`${KEPT}signed-out`);
const signIn = new SignIn((login) => {
  signIn.hide();
  saveLogin(login, login.keep);
  new App(login);
}, giveUpNow((isKnown) => signIn.remark(isKnown ? "" : UNTOLD)), hasLeft);

const toRegister = invitationToRegister();
const login = savedLogin();
const { words = "", nickname, kind } = JSON.parse(sessionStorage.getItem(`${KEPT}words`) ?? "{}");
sessionStorage.removeItem(`${KEPT}words`);
if (login) new App(login);
else if (toRegister) signIn.show("You are invited to register.", "", "register", toRegister);
else signIn.show(words || (invitation() ? `You are invited to #${invitation().room}. Enter, or log in, to join.` : ""), nickname, kind === "account" ? "login" : "guest");
