// The conversation with the server: turns its frames into changes of the state, and the user's
// actions into commands.

import { compareIds } from "./conversation.js";
import { Delivery } from "./delivery.js";
import { Comings } from "./comings.js";
import { Governance, KEPT_OUT } from "./governance.js";
import { MyRooms } from "./my_rooms.js";
import { fold } from "./names.js";
import { change, savedRooms, saveLogin, saveRooms, settings } from "./storage.js";

/** Messages asked for at once when scrolling up. */
const PAGE = 60;
/** The most missed messages that are all fetched; beyond it, only the latest. */
const MOST_MISSED = 3_000;
/** The room that every client is put into. */
const EVERYONE = "global";
/** Threads on a page of the inbox, and how many pages are looked at. */
const INBOX_PAGE = 10;
const INBOX_PAGES = 10;
const RETRY = 3_000;
const HEARTBEAT = 25_000;
/** How often to ask for the members of a room in which many come and go. */
const ASK_EVERY = 5_000;
/** What a name looks like, and how long typing has to pause before it is searched for. */
const NAME = /^[\p{L}_][\p{L}\p{M}\p{N}_-]*$/u;
const TYPED_FOR = 300;
const TYPING_EVERY = 3_000;
/** The server may know it later. */
const NOT_NOW = ["store_failed", "busy"];
/** How often the server is told how far a room has been read while messages come in. */
const READ_EVERY = 1_000;
const TYPING_LASTS = 5_000;

export class Chat {
  #state;
  #connection;
  #login;
  #unknown = new Set();
  #heart = 0;
  #typed = 0;
  #finding = 0;
  #missed = new Map();
  #asked = [];
  #shown = new Set();
  #saving = 0;
  /** The rooms that this browser knew when the page opened. */
  #remembered = [];

  constructor(state, connection, login) {
    this.#state = state;
    this.#login = login;
    this.delivery = new Delivery(state);
    this.comings = new Comings(state);
    this.myRooms = new MyRooms(state, (type, args) => this.#connection.send(type, args));
    this.governance = new Governance(state, (type, args) => this.#connection.send(type, args));
    state.on("stored", (conversation) => this.governance.spoken(conversation));
    state.on("givenBack", (conversation, frame) => this.governance.silenced(conversation, frame));
    state.on("active", () => this.governance.askRules(state.active));
    this.use(connection);
  }

  /** Continues with another connection. */
  use(connection) {
    this.#connection = connection;
    this.delivery.connection = connection;
    connection.on("frame", (frame) => connection === this.#connection && this.#frame(frame));
    connection.on("state", (name, detail) => connection === this.#connection && this.#linked(name, detail));
  }

  // What the user wants ----------------------------------------------------

  say(conversation, body) {
    conversation.divider = null;
    // The server passes on one per second.
    this.#typed = Math.min(this.#typed, Date.now() - TYPING_EVERY + 1_000);
    this.delivery.send(conversation, body);
  }

  /** `pass` is what lets us in: `key` or `invitation`. */
  join(name, pass = {}) {
    const room = this.#state.find("room", name);
    if (room && (room.joined || !pass.invitation)) return this.#open(room);
    this.#asked.push({ key: fold(name), name, pass });
    if (!this.#connection.send("join", { room: name, ...pass })) this.#state.toast("Not connected: try again in a moment.");
  }

  leave(room) {
    if (!room.joined && this.#connection.state === "open") return this.#left({ room: room.name });
    if (!this.#connection.send("leave", { room: room.name })) this.#state.toast("Not connected: try again in a moment.");
  }

  /** Opens the direct messages with a user. */
  openDirect(name) {
    if (this.#state.isMe(name) && !this.#state.isAccount) return;
    const direct = this.#state.direct(name);
    if (this.#state.isAccount && direct.messages.length === 0) this.#thread(direct);
    else if (!this.#state.isAccount) direct.complete = true;
    this.#open(direct);
    this.askPresence();
  }

  /** Shows a conversation because the user wants to see it. */
  #open(conversation) {
    this.#state.activate(conversation);
    this.#state.emit("opened", conversation);
  }

  rename(nickname) {
    this.#connection.send("setnick", { nickname });
  }

  ignore(name, wanted) {
    this.#state.setIgnored(name, wanted);
    this.#connection.send(wanted ? "ignore" : "unignore", { nickname: name });
  }

  /** Sends a command whose answer is a text, which is shown. */
  ask(type, args) {
    if (!this.#connection.send(type, args)) return "Not connected: try again in a moment.";
    this.#shown.add(type);
  }

  get isOpen() {
    return this.#connection.state === "open";
  }

  askRooms() {
    this.#connection.send("listrooms");
  }

  /** Looks for rooms that are not among those listed: there may be too many. */
  findRooms(start) {
    if (this.#state.moreRooms) this.#find(start, (prefix) => this.#connection.send("listrooms", { prefix }));
  }

  askMembers(room) {
    if (!room?.isRoom || !room.joined) return;
    room.asked = Date.now();
    this.#connection.send("listusers", { room: room.name });
  }

  /** The same for people in a room. */
  findMembers(room, start) {
    if (room.moreMembers) this.#find(start, (prefix) => this.#connection.send("listusers", { room: room.name, prefix }));
  }

  /** Asks once typing has paused for a moment. */
  #find(start, ask) {
    clearTimeout(this.#finding);
    if (NAME.test(start)) this.#finding = setTimeout(() => ask(start), TYPED_FOR);
  }

  askPresence() {
    const users = this.#state.directs.slice(0, 100).map((direct) => direct.name);
    if (users.length > 0 && !this.#unknown.has("presence")) this.#connection.send("presence", { users });
  }

  /** Fetches messages older than those there are. */
  older(conversation, limit = PAGE) {
    if (conversation.loading || conversation.complete || conversation.catchingUp) return;
    const before = conversation.firstId;
    const args = before ? { before, limit } : { limit };
    const sent = conversation.isRoom
      ? this.#connection.send("history", { room: conversation.name, ...args })
      : this.#connection.send("thread", { user: conversation.name, ...args });
    if (!sent) return;
    conversation.loading = { before, limit };
    this.#state.emit("stream", conversation);
  }

  search(room, query) {
    const sent = this.#connection.send("search", { room: room.name, query, limit: 50 });
    this.#state.search = { query, room, results: null, busy: sent };
    this.#state.emit("found");
  }

  typing(conversation) {
    const now = Date.now();
    if (now - this.#typed < TYPING_EVERY || this.#unknown.has("typing")) return;
    this.#typed = now;
    const whom = conversation.isRoom ? { room: conversation.name } : { to: conversation.name };
    this.#connection.send("typing", whom);
  }

  /** Notes that everything in a conversation has been seen. */
  markRead(conversation) {
    const last = conversation.lastId;
    if (conversation.unread === 0 && (conversation.read === last || last === "0-0")) return;
    const wasUnread = conversation.unread > 0;
    conversation.unread = 0;
    conversation.mentions = 0;
    conversation.read = last;
    if (!conversation.isRoom && this.#state.isAccount && last !== "0-0") {
      this.#connection.send("read", { user: conversation.name, id: last });
    }
    this.myRooms.seen(conversation);
    if (wasUnread) this.#state.emit("list");
    this.#save();
  }

  // The connection ---------------------------------------------------------

  #linked(name, detail) {
    const until = name === "waiting" ? detail : 0;
    this.#state.link = { state: name, until, why: name === "ended" ? detail : null };
    if (name !== "open") {
      clearInterval(this.#heart);
      this.delivery.cutOff();
      for (const conversation of this.#state.conversations.values()) {
        conversation.loading = null;
        if (conversation.isRoom) conversation.joined = false;
      }
    }
    this.#state.emit("link");
  }

  #welcome(frame) {
    const wished = this.#state.me;
    this.#state.me = frame.nickname;
    this.#state.emit("me");
    if (wished && fold(wished) !== fold(frame.nickname)) this.rename(wished);
    this.#connection.send("listen", { events: ["typing"] });
    // The answer leads to #resume.
    if (this.#state.joinedRooms.length === 0) this.#remembered = savedRooms(this.#state.storageKey);
    if (this.#unknown.has("myrooms") || !this.myRooms.ask()) this.#resume();
    // The server keeps an account's list; a guest's has to be sent again.
    if (this.#state.isAccount) {
      this.#connection.send("ignores");
      this.#connection.send("inbox");
    } else for (const name of this.#state.ignored.values()) this.#connection.send("ignore", { nickname: name });
    this.#state.emit("welcome");
    this.askRooms();
    this.#heart = setInterval(() => {
      this.#connection.ask("listrooms");
      this.askPresence();
    }, HEARTBEAT);
  }

  /** Joins every room again, and asks for the messages missed meanwhile. */
  #resume() {
    if (this.#state.joinedRooms.length === 0) {
      for (const { name, read, muted } of this.#remembered) {
        Object.assign(this.#state.room(name), { read, muted: Boolean(muted) });
      }
    }
    const rooms = this.#state.joinedRooms;
    for (const room of rooms) this.#resumeRoom(room);
    // Every client is put into this room at first, but the user may have left it.
    if (rooms.length > 0 && !this.#state.find("room", EVERYONE)) this.#connection.send("leave", { room: EVERYONE });
    for (const direct of this.#state.directs) {
      if (this.#state.isAccount && direct.messages.length > 0) this.#missedDirect(direct);
    }
  }

  #resumeRoom(room) {
    const after = room.messages.length > 0 ? room.lastId : room.read;
    const key = room.rules?.key ?? room.opensWith;
    const pass = key ? { key } : {};
    if (!after || this.#unknown.has("resume")) {
      this.#connection.send("join", { room: room.name, ...pass });
      return;
    }
    room.catchingUp = true;
    if (room.read !== null && compareIds(after, room.read) <= 0) room.hasAllUnread = true;
    this.#missed.set(room.key, 0);
    this.#connection.send("resume", { room: room.name, after, ...pass });
  }

  // Frames -----------------------------------------------------------------

  #frame(frame) {
    const take = this.#frames[frame.type] ?? this.governance.frames[frame.type];
    if (take) take(frame);
    else if (this.#shown.delete(frame.type)) this.#state.toast(frame.body);
  }

  #frames = {
    welcome: (frame) => this.#welcome(frame),
    joined: (frame) => this.#joined(frame),
    left: (frame) => this.#left(frame),
    message: (frame) => this.#message(frame),
    private: (frame) => this.#private(frame),
    stored: (frame) => this.delivery.stored(frame),
    history: (frame) => this.#history(frame),
    thread: (frame) => this.#threadCame(frame),
    inbox: (frame) => this.#inbox(frame),
    resumed: (frame) => this.#resumed(frame),
    users: (frame) => {
      this.governance.users(this.#state.room(frame.room), frame);
      this.comings.users(frame);
    },
    join: (frame) => this.comings.join(frame),
    leave: (frame) => this.comings.leave(frame),
    rename: (frame) => this.comings.rename(frame),
    members: (frame) => {
      this.comings.counted(frame);
      const room = this.#state.find("room", frame.room);
      // In a busy room this comes every second.
      if (room && room === this.#state.active && Date.now() - (room.asked ?? 0) > ASK_EVERY) this.askMembers(room);
    },
    rooms: (frame) => {
      this.#state.listRooms(frame);
      for (const { name, members } of frame.rooms) {
        const room = this.#state.find("room", name);
        if (room) room.count = members;
      }
      this.#state.emit("rooms");
      this.#state.emit("list");
    },
    myrooms: (frame) => this.#myRoomsCame(frame),
    roomread: (frame) => this.myRooms.readElsewhere(frame),
    roommuted: (frame) => this.myRooms.muted(frame),
    presence: (frame) => {
      for (const { name, online } of frame.users) {
        const direct = this.#state.find("direct", name);
        if (direct) direct.online = online;
      }
      this.#state.emit("list");
      this.#state.emit("members", this.#state.active);
    },
    nickname: (frame) => {
      this.#state.me = frame.nickname;
      this.#login.nickname = frame.nickname;
      saveLogin(this.#login, this.#login.keep);
      this.#save();
      this.#state.emit("me");
    },
    typing: (frame) => this.#typingCame(frame),
    found: (frame) => {
      const room = this.#state.room(frame.room);
      const results = frame.messages.map((message) => ({ ...message, at: Date.parse(message.at) }));
      this.#state.search = { query: frame.query, room, results, more: !frame.complete, busy: false };
      this.#state.emit("found");
    },
    announcement: (frame) => {
      const words = frame.body.replace(/^Public Server Announcement: /, "");
      this.#state.announcements.push({ words, at: Date.parse(frame.at) });
      this.#state.emit("announcement", words);
    },
    ignored: (frame) => this.#state.toast(frame.body),
    ignores: (frame) => { if (this.#state.isAccount) this.#state.setAllIgnored(frame.users); },
    unignored: (frame) => this.#state.toast(frame.body),
    error: (frame) => this.#error(frame),
  };

  #myRoomsCame({ rooms }) {
    const isEveryone = ({ name }) => fold(name) === EVERYONE;
    const isLeft = this.#remembered.length > 0 && !this.#remembered.some(isEveryone);
    this.myRooms.listed(isLeft ? rooms.filter((room) => !isEveryone(room)) : rooms);
    // What this browser has from before the server kept rooms.
    if (rooms.every(isEveryone)) for (const { name } of this.#remembered) this.#state.room(name);
    if (isLeft) this.#connection.send("leave", { room: EVERYONE });
    for (const room of this.#state.joinedRooms) {
      if (room.read === null && room.messages.length > 0) room.read = room.lastId;
    }
    this.#remembered = [];
    this.#resume();
    this.#state.emit("list");
  }

  #joined(frame) {
    const room = this.#state.room(frame.room);
    room.joined = true;
    room.count = frame.others + 1;
    room.members = new Map();
    if (room === this.#state.active) this.askMembers(room);
    else this.#connection.sendLater("listusers", { room: room.name });
    const asked = this.#asked.findIndex(({ key }) => key === fold(room.name));
    if (asked >= 0) room.opensWith = this.#asked.splice(asked, 1)[0].pass.key ?? null;
    this.governance.joined(room, frame);
    if (room === this.#state.active) this.governance.askRules(room);
    this.#save();
    this.#state.emit("list");
    this.#state.emit("stream", room);
    if (asked >= 0) this.#open(room);
    else this.#state.emit("joined", room);
  }

  #left(frame) {
    const room = this.#state.find("room", frame.room);
    if (!room) return;
    room.joined = false;
    if (frame.code === "kicked") this.governance.removed(frame);
    if (this.#state.search.room === room) {
      this.#state.search = { query: "", room: null, results: null, busy: false };
      this.#state.emit("found");
    }
    this.#state.remove(room);
    this.#save();
    this.askRooms();
  }

  #message(frame) {
    const room = this.#state.room(frame.room);
    const message = said(frame);
    if (!room.insert(message)) return;
    if (room.catchingUp) {
      this.#missed.set(room.key, (this.#missed.get(room.key) ?? 0) + 1);
      if (this.#state.isMe(message.from)) this.delivery.missed(room, message);
    }
    room.typing.delete(fold(frame.from));
    this.#arrived(room, message);
  }

  #private(frame) {
    const mine = this.#state.isMe(frame.from);
    const other = mine ? frame.to : frame.from;
    if (!mine && this.#state.isIgnored(other)) return;
    const isNew = !this.#state.find("direct", other);
    const direct = this.#state.direct(other);
    if (!this.#state.isAccount) direct.complete = true;
    const message = said(frame);
    if (!direct.insert(message)) return;
    direct.read ??= "0-0";
    direct.typing.delete(fold(frame.from));
    if (!mine) direct.online = true;
    this.#arrived(direct, message);
    if (isNew) {
      this.askPresence();
      if (this.#state.isAccount) this.older(direct);
    }
  }

  #arrived(conversation, message) {
    const mine = this.#state.isMe(message.from);
    const watched =
      conversation === this.#state.active && this.#state.atEnd && document.visibilityState === "visible";
    if (mine) {
      if (conversation.unread === 0) conversation.read = message.id;
    } else if (watched && !conversation.catchingUp) {
      conversation.read = message.id;
      if (!conversation.isRoom && this.#state.isAccount) {
        this.#connection.send("read", { user: conversation.name, id: message.id });
      }
      this.#seenSoon(conversation);
    } else if (!this.#state.isIgnored(message.from)) {
      conversation.read ??= "0-0";
      if (conversation.isUnread(message)) {
        const isCounted = conversation.counted && conversation.catchingUp;
        const isFirst = isCounted ? conversation.divider === null : conversation.unread === 0;
        if (conversation === this.#state.active && isFirst) conversation.divider = conversation.read;
        if (!isCounted) {
          conversation.unread += 1;
          if (this.#state.mentionsMe(message.body)) conversation.mentions += 1;
        }
      }
    }
    this.#save();
    this.#state.emit("stream", conversation);
    this.#state.emit("list");
    if (!mine && !this.#state.isIgnored(message.from)) this.#state.emit("arrived", conversation, message, watched);
  }

  /** In a room where much is said, the server is told now and then how far it has been read. */
  #seenSoon(conversation) {
    if (!conversation.isRoom || conversation.telling) return;
    conversation.telling = setTimeout(() => {
      conversation.telling = 0;
      this.myRooms.seen(conversation);
    }, READ_EVERY);
  }

  #history(frame) {
    const room = this.#state.room(frame.room);
    const messages = frame.messages.map(said);
    const asked = room.loading;
    if (asked && isAnswer(asked, messages)) {
      room.loading = null;
      room.prepend(messages);
      room.complete = asked.before ? messages.length < asked.limit : messages.length === 0;
      if (asked.thenResume) this.#connection.send("resume", { room: room.name, after: room.lastId });
    } else if (!room.catchingUp) {
      // The few that greet a new member. While missed messages are still coming, in order, there
      // may be a gap before these.
      for (const message of messages) room.insert(message);
    }
    // How far an account has read, the server says.
    if (room.read === null && room.messages.length > 0 && !this.myRooms.isAwaited) room.read = room.lastId;
    this.#save();
    this.#state.emit("stream", room);
    this.#state.emit("list");
  }

  #resumed(frame) {
    const room = this.#state.room(frame.room);
    const missed = this.#missed.get(room.key) ?? 0;
    if (frame.more && missed < MOST_MISSED) {
      this.#connection.send("resume", { room: room.name, after: room.lastId });
      return;
    }
    if (frame.more) return this.#skip(room);
    room.catchingUp = false;
    this.myRooms.complete(room);
    if (frame.complete === false && room.messages.length > 0) room.gap = room.firstId;
    this.#missed.delete(room.key);
    if (room === this.#state.active && this.#state.atEnd && document.visibilityState === "visible") this.markRead(room);
    if (room.messages.length < PAGE) this.older(room);
    this.#state.emit("stream", room);
    this.delivery.flush(room);
  }

  /** Too many messages were missed to fetch them all: starts again near the end. */
  #skip(room) {
    room.forget();
    room.hasAllUnread = false;
    this.#missed.set(room.key, 0);
    room.loading = { before: null, limit: PAGE, thenResume: true };
    this.#connection.send("history", { room: room.name, limit: PAGE });
  }

  // Direct messages of accounts ---------------------------------------------

  #thread(direct, after = null) {
    const args = after ? { user: direct.name, after, limit: 100 } : { user: direct.name, limit: PAGE };
    if (!this.#connection.send("thread", args)) return;
    direct.loading = after ? null : { before: null, limit: PAGE };
  }

  #missedDirect(direct) {
    direct.catchingUp = true;
    this.#thread(direct, direct.lastId);
  }

  #threadCame(frame) {
    const direct = this.#state.direct(frame.user);
    const asked = direct.loading;
    const messages = frame.messages.map(said);
    direct.read ??= messages.at(-1)?.id ?? "0-0";
    if (asked) {
      direct.loading = null;
      direct.prepend(messages);
      direct.complete = frame.complete || messages.length < asked.limit;
    } else {
      for (const message of messages) {
        if (!direct.insert(message)) continue;
        if (this.#state.isMe(message.from)) this.delivery.missed(direct, message);
        this.#arrived(direct, message);
      }
      direct.catchingUp = false;
      if (!frame.complete && messages.length > 0) return this.#missedDirect(direct);
    }
    this.delivery.flush(direct);
    this.#state.emit("stream", direct);
    this.#state.emit("list");
  }

  #inbox(frame) {
    for (const thread of frame.threads) {
      const direct = this.#state.direct(thread.user);
      const at = Date.parse(thread.at);
      direct.at = at;
      if (direct.messages.length > 0) continue;
      direct.unread = thread.unread;
      direct.preview = thread.body;
    }
    const isMore = frame.threads.length >= INBOX_PAGE && frame.page < INBOX_PAGES;
    if (isMore) this.#connection.send("inbox", { page: frame.page + 1 });
    else this.askPresence();
    this.#state.emit("list");
  }

  #typingCame(frame) {
    const conversation = frame.room ? this.#state.find("room", frame.room) : this.#state.direct(frame.from);
    if (!conversation || this.#state.isIgnored(frame.from) || this.#state.isMe(frame.from)) return;
    conversation.typing.set(fold(frame.from), { name: frame.from, until: Date.now() + TYPING_LASTS });
    this.#state.emit("typing", conversation);
    setTimeout(() => this.#state.emit("typing", conversation), TYPING_LASTS + 50);
  }

  // Mistakes -----------------------------------------------------------------

  #error(frame) {
    const unknown = frame.code === "unknown_type" && /type (\w+)\.$/.exec(frame.body)?.[1];
    if (unknown) return this.#notKnown(unknown);
    if (frame.code === "too_fast") return this.delivery.slower();
    if (frame.tag && this.delivery.refused(frame)) return;
    if (KEPT_OUT.includes(frame.code)) return this.#keptOut(frame);
    if (this.myRooms.isAwaited && NOT_NOW.includes(frame.code)) return this.#withoutList();
    if (frame.code === "history_unavailable") return this.#resumeLater();
    if (frame.code === "already_in_channel" || frame.code === "not_ignored") return;
    for (const conversation of this.#state.conversations.values()) {
      conversation.loading = null;
      if (frame.code === "no_history") conversation.complete = true;
    }
    if (frame.code === "no_history") return;
    this.#state.toast(frame.body);
    this.#state.emit("refused", frame);
  }

  /** The server cannot say which rooms we have: goes on with those known here. */
  #withoutList() {
    this.myRooms.isAwaited = false;
    for (const { name, read, muted } of this.#remembered) {
      const room = this.#state.room(name);
      Object.assign(room, { read: room.read ?? read, muted: Boolean(muted) });
    }
    this.#resume();
  }

  /** A room does not let us in. */
  #keptOut(frame) {
    const name = frame.room ?? "";
    const at = this.#asked.findIndex(({ key }) => key === fold(name));
    const asked = at >= 0 ? this.#asked.splice(at, 1)[0] : null;
    this.governance.keptOut(name, frame, asked?.pass);
    this.#save();
  }

  /** The answers under way will not come; they have to be requested again. */
  #resumeLater() {
    const connection = this.#connection;
    setTimeout(() => {
      if (connection !== this.#connection || connection.state !== "open") return;
      for (const conversation of this.#state.conversations.values()) {
        conversation.loading = null;
        if (!conversation.catchingUp) continue;
        if (conversation.isRoom) this.#resumeRoom(conversation);
        else this.#missedDirect(conversation);
      }
    }, RETRY);
  }

  /** An older server does not know the command: does without it. */
  #notKnown(type) {
    const isNews = !this.#unknown.has(type);
    this.#unknown.add(type);
    if (type === "myrooms" && isNews) return this.#resume();
    if (type !== "resume" || !isNews) return;
    for (const room of this.#state.joinedRooms) {
      room.catchingUp = false;
      if (!room.joined) this.#connection.send("join", { room: room.name });
      this.delivery.flush(room);
    }
  }

  #save() {
    clearTimeout(this.#saving);
    this.#saving = setTimeout(() => this.saveNow(), 300);
  }

  saveNow() {
    clearTimeout(this.#saving);
    if (!this.#state.me) return;
    const rooms = this.#state.joinedRooms.map(({ name, read, muted }) => ({ name, read, ...(muted && { muted }) }));
    saveRooms(this.#state.storageKey, rooms);
  }

  setting(name, value) {
    change(name, value);
    if (name === "comings" && this.#state.active) this.#state.emit("stream", this.#state.active);
    return settings[name];
  }
}

function said(frame) {
  return { id: frame.id, from: frame.from, body: frame.body, at: Date.parse(frame.at) };
}

/** Whether messages can be the answer to a request, and not some that came by themselves. */
function isAnswer(asked, messages) {
  return !asked.before || messages.every((message) => compareIds(message.id, asked.before) < 0);
}
