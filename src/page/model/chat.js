// The conversation with the server: turns its frames into changes of the state, and the user's
// actions into commands.

import { compareIds } from "./conversation.js";
import { Delivery } from "./delivery.js";
import { Comings } from "./comings.js";
import { Governance, KEPT_OUT } from "./governance.js";
import { Mending } from "./mending.js";
import { Reacting, reactionsOf } from "./reacting.js";
import { MyRooms } from "./my_rooms.js";
import { fold, isName, sameName } from "./names.js";
import { Search } from "./search.js";
import { change, savedRooms, saveLogin, saveRooms, settings } from "./storage.js";

/** Messages asked for at once when scrolling up. */
const PAGE = 60;
/** The most missed messages that are all fetched; beyond it, only the latest. */
export const MOST_MISSED = 3_000;
/** The room that every client is put into. */
export const EVERYONE = "global";
/** Threads on a page of the inbox, and how many pages are looked at. */
const INBOX_PAGE = 10;
const INBOX_PAGES = 10;
const RETRY = 3_000;
const HEARTBEAT = 25_000;
/** How often to ask for the members of a room in which many come and go. */
const ASK_EVERY = 5_000;
/** How long after somebody has left to ask who is still a member. */
const ASK_SOON = 2_000;
/** Messages asked for before the new ones of a thread, and the most that the server brings at once. */
const BEFORE_NEW = 20;
const MOST_AT_ONCE = 500;
/** How long typing has to pause before it is searched for. */
const TYPED_FOR = 300;
const TYPING_EVERY = 3_000;
/** The server may know it later. */
const NOT_NOW = ["store_failed", "busy", "history_unavailable"];
const NOT_IGNORING = ["no_such_user", "cannot_ignore_self", "too_many_ignored"];
const NOT_CONNECTED = "Not connected: try again in a moment.";
/** How often the server is told how far a room has been read while messages come in. */
const READ_EVERY = 1_000;
/** How long a room that was left here is not joined again because a list has it. */
const LEFT_FOR = 60_000;
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
  /** The room that a link names, until it is known whether it exists. */
  #wished = "";
  #reloading = 0;
  /** Who is being ignored, until the server confirms it. */
  #ignoring = "";
  /** When rooms were left, by folded name. */
  #leftAt = new Map();
  #shown = new Set();
  #saving = 0;
  /** Whether the inbox has come, and threads of which a message came before it. */
  #hasInbox = false;
  #uncounted = new Set();
  /** The name of the room that is to be shown at the start. */
  first = "";
  /** The rooms that this browser knew when the page opened. */
  #remembered = [];

  constructor(state, connection, login) {
    this.#state = state;
    this.#login = login;
    this.delivery = new Delivery(state);
    this.comings = new Comings(state);
    this.myRooms = new MyRooms(state, (type, args) => this.#connection.send(type, args));
    this.search = new Search(state, (type, args) => this.#connection.send(type, args), (direct, limit) => this.older(direct, limit));
    this.mending = new Mending(state, (type, args) => this.#connection.send(type, args));
    this.reacting = new Reacting(state, (type, args) => this.#connection.send(type, args));
    this.governance = new Governance(state, (type, args) => this.#connection.send(type, args));
    state.on("stored", (conversation) => this.governance.spoken(conversation));
    state.on("givenBack", (conversation, frame) => this.governance.silenced(conversation, frame));
    state.on("active", () => {
      this.governance.askRules(state.active);
      this.#comesFirst(state.active);
    });
    this.use(connection);
  }

  /** Continues with another connection. */
  use(connection) {
    this.#connection = connection;
    this.delivery.connection = connection;
    connection.on("frame", (frame) => connection === this.#connection && this.#frame(frame));
    connection.on("quiet", (isQuiet) => {
      if (connection !== this.#connection) return;
      this.#state.link.isQuiet = isQuiet;
      this.#state.emit("link");
    });
    connection.on("state", (name, ...details) => connection === this.#connection && this.#linked(name, ...details));
  }

  // What the user wants ----------------------------------------------------

  /** `kind` is how it is meant, if it is not simply said: `action`; `reply` is what it answers, `{id, author}`. */
  say(conversation, body, kind = "", reply = null) {
    conversation.divider = null;
    // The server passes on one per second.
    this.#typed = Math.min(this.#typed, Date.now() - TYPING_EVERY + 1_000);
    this.delivery.send(conversation, body, kind, reply);
  }

  /** Goes to a room that a link names; one that does not exist is made only if the user says so. */
  visit(name) {
    if (this.#state.find("room", name)) return this.join(name);
    if (!isName(name)) return this.#state.toast(`#${name} cannot be the name of a room.`);
    this.#wished = name;
    if (!this.#connection.send("listrooms", { prefix: name })) this.#state.toast(NOT_CONNECTED);
  }

  /** `pass` is what lets us in: `key` or `invitation`. */
  join(name, pass = {}) {
    const room = this.#state.find("room", name);
    // One that is being left will not be ours any more when the server reads this.
    if (room && !room.isLeaving && (room.joined || !pass.invitation)) return this.#open(room);
    this.#asked.push({ key: fold(name), name, pass });
    if (!this.#connection.send("join", { room: name, ...pass })) this.#state.toast(NOT_CONNECTED);
  }

  leave(room) {
    // One that is not joined may be about to be: it is left when the server says so.
    this.#connection.hurry(room.name);
    room.isLeaving = this.#connection.send("leave", { room: room.name });
    if (!room.isLeaving) this.#state.toast(NOT_CONNECTED);
  }

  /** Opens the direct messages with a user, and returns them. */
  openDirect(name) {
    if (this.#state.isMe(name) && !this.#state.isAccount) return null;
    const direct = this.#state.direct(name);
    if (!this.#state.isAccount) direct.complete = true;
    else if (direct.messages.length === 0) this.older(direct);
    this.#open(direct);
    this.askPresence();
    return direct;
  }

  /** Shows a conversation because the user wants to see it. */
  #open(conversation) {
    this.#state.activate(conversation);
    this.#state.emit("opened", conversation);
  }

  rename(nickname) {
    this.#connection.send("setnick", { nickname });
  }

  /** Begins at once, and ends if the server refuses: there may be nobody of that name. */
  ignore(name, wanted) {
    if (!this.#connection.send(wanted ? "ignore" : "unignore", { nickname: name })) return this.#state.toast(NOT_CONNECTED);
    this.#ignoring = wanted && !this.#state.isIgnored(name) ? name : "";
    this.#state.setIgnored(name, wanted);
  }

  /** Sends a command whose answer is a text, which is shown. */
  ask(type, args) {
    if (!this.#connection.send(type, args)) return NOT_CONNECTED;
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
    this.#askWhoIsOff(room);
  }

  /** Asks for those who belong to a room and are not here now. */
  #askWhoIsOff(room) {
    room.asking = 0;
    if (room.joined && !this.#unknown.has("roommembers")) this.#connection.sendLater("roommembers", { room: room.name });
  }

  /** What the user looks at does not wait for all that there is to ask about other rooms. */
  #comesFirst(room) {
    if (!room?.isRoom) return;
    this.askMembers(room);
    this.#connection.hurry(room.name);
  }

  /** What the account has done on other devices: the rooms it has joined and left, what it has read. */
  lookElsewhere() {
    if (!this.#state.isAccount || this.#unknown.has("myrooms") || this.myRooms.isAwaited) return;
    this.#connection.send("myrooms");
    this.#connection.send("inbox");
  }

  /** The same for people in a room. */
  findMembers(room, start) {
    if (room.moreMembers) this.#find(start, (prefix) => this.#connection.send("listusers", { room: room.name, prefix }));
  }

  /** Asks once typing has paused for a moment. */
  #find(start, ask) {
    clearTimeout(this.#finding);
    if (isName(start)) this.#finding = setTimeout(() => ask(start), TYPED_FOR);
  }

  askPresence() {
    const users = this.#state.directs.slice(0, 100).map((direct) => direct.name);
    if (users.length > 0 && !this.#unknown.has("presence")) this.#connection.send("presence", { users });
  }

  /** Fetches messages older than those there are. */
  older(conversation, limit = PAGE) {
    if (conversation.loading || conversation.complete || conversation.catchingUp || conversation.trouble) return;
    const before = conversation.firstId;
    if (!before && !conversation.isRoom) return this.#thread(conversation);
    const args = before ? { before, limit } : { limit };
    const sent = conversation.isRoom
      ? this.#connection.send("history", { room: conversation.name, ...args })
      : this.#connection.send("thread", { user: conversation.name, ...args });
    if (!sent) return;
    conversation.loading = { before, limit };
    this.#state.emit("stream", conversation);
  }

  typing(conversation) {
    const now = Date.now();
    if (now - this.#typed < TYPING_EVERY || this.#unknown.has("typing") || !(conversation.isRoom || conversation.online)) return;
    this.#typed = now;
    const whom = conversation.isRoom ? { room: conversation.name } : { to: conversation.name };
    this.#connection.send("typing", whom);
  }

  /** Notes that a conversation has been seen up to a message: all of it, unless another is named. */
  markRead(conversation, id = conversation.lastId) {
    const { unread } = conversation;
    conversation.isLeftUnread = false;
    if (!this.myRooms.readUpTo(conversation, id)) return;
    if (conversation.unread === 0) this.#tellRead(conversation);
    else this.#tellSoon(conversation);
    if (conversation.unread !== unread) this.#state.emit("list");
    this.#save();
  }

  /** Leaves a message and what follows to be read later. */
  markUnread(conversation, message) {
    this.myRooms.leaveUnread(conversation, message);
    conversation.divider = conversation.read;
    this.#save();
    this.#state.emit("stream", conversation);
    this.#state.emit("list");
  }

  #tellRead(conversation) {
    if (conversation.isRoom) this.myRooms.seen(conversation);
    else if (this.#state.isAccount) this.#connection.send("read", { user: conversation.name, id: conversation.read });
  }

  /** While much is said or read, the server is told now and then how far it has been read. */
  #tellSoon(conversation) {
    conversation.telling ||= setTimeout(() => {
      conversation.telling = 0;
      this.#tellRead(conversation);
    }, READ_EVERY);
  }

  // The connection ---------------------------------------------------------

  #linked(name, detail, words) {
    const until = name === "waiting" ? detail : 0;
    this.#state.link = { state: name, until, why: name === "ended" ? detail : { words } };
    if (name !== "open") {
      clearInterval(this.#heart);
      this.delivery.cutOff();
      this.search.stop("The connection was lost. Please search again.");
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
      this.lookElsewhere();
    }, HEARTBEAT);
  }

  /** Joins every room again, and asks for the messages missed meanwhile. */
  #resume() {
    if (this.#state.joinedRooms.length === 0) {
      for (const { name, read, muted, notify } of this.#remembered) {
        Object.assign(this.#state.room(name), { read, muted: Boolean(muted), notify: notify ?? "mentions" });
      }
    }
    this.myRooms.isAwaited = false;
    // That which is to be seen comes first: there may be many.
    const first = this.#state.active ?? this.#state.find("room", this.first);
    const rooms = this.#state.joinedRooms.sort((one, other) => Number(other === first) - Number(one === first));
    const later = (type, args) => this.#connection.sendLater(type, args);
    for (const room of rooms) this.#resumeRoom(room, room === first ? undefined : later);
    this.#state.emit("resuming");
    // Every client is put into this room at first, but the user may have left it.
    if (rooms.length > 0 && !this.#state.find("room", EVERYONE)) this.#connection.send("leave", { room: EVERYONE });
    for (const direct of this.#state.directs) {
      if (this.#state.isAccount && direct.messages.length > 0) this.#missedDirect(direct);
    }
  }

  #resumeRoom(room, send = (type, args) => this.#connection.send(type, args)) {
    room.isLeaving = false;
    const after = room.messages.length > 0 ? room.lastId : room.read;
    const key = room.rules?.key ?? room.opensWith;
    const pass = key ? { key } : {};
    if (!after || this.#unknown.has("resume")) {
      send("join", { room: room.name, ...pass });
      return;
    }
    room.catchingUp = true;
    if (room.read !== null && compareIds(after, room.read) <= 0) room.hasAllUnread = true;
    this.#missed.set(room.key, 0);
    send("resume", { room: room.name, after, ...pass });
  }

  // Frames -----------------------------------------------------------------

  #frame(frame) {
    const take = this.#frames[frame.type] ?? this.governance.frames[frame.type] ?? this.mending.frames[frame.type] ?? this.reacting.frames[frame.type];
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
    leave: (frame) => {
      this.comings.leave(frame);
      const room = this.#state.find("room", frame.room);
      if (room && room === this.#state.active) room.asking ||= setTimeout(() => this.#askWhoIsOff(room), ASK_SOON);
    },
    rename: (frame) => this.comings.rename(frame),
    members: (frame) => {
      this.comings.counted(frame);
      const room = this.#state.find("room", frame.room);
      // In a busy room this comes every second.
      if (room && room === this.#state.active && Date.now() - (room.asked ?? 0) > ASK_EVERY) this.askMembers(room);
    },
    rooms: (frame) => {
      this.#roomsFor(frame);
      this.#state.listRooms(frame);
      for (const { name, members } of frame.rooms) {
        const room = this.#state.find("room", name);
        if (room) room.count = members;
      }
      this.#state.emit("rooms");
      this.#state.emit("list");
    },
    myrooms: (frame) => (this.myRooms.isAwaited ? this.#myRoomsCame(frame) : this.#roomsElsewhere(frame)),
    roommembers: ({ room: name, users }) => {
      const room = this.#state.find("room", name);
      if (!room) return;
      room.off = users.filter(({ online }) => !online).map((user) => user.name);
      this.#state.emit("members", room);
    },
    roomread: (frame) => this.myRooms.readElsewhere(frame),
    roommuted: (frame) => this.myRooms.muted(frame),
    roomnotify: (frame) => this.myRooms.notified(frame),
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
    found: (frame) => this.search.found(frame),
    announcement: (frame) => {
      const words = frame.body.replace(/^Public Server Announcement: /gm, "");
      this.#state.announcements.push({ words, at: Date.parse(frame.at) });
      this.#state.emit("announcement", words);
    },
    ignored: (frame) => {
      // A guest's list is sent again at each connection.
      if (!this.#ignoring) return;
      this.#ignoring = "";
      this.#state.toast(frame.body);
    },
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

  /** Rooms that were joined or left on other devices. */
  #roomsElsewhere({ rooms }) {
    const names = new Set(rooms.map(({ name }) => fold(name)).concat(EVERYONE));
    for (const room of this.#state.joinedRooms) {
      if (room.isOwn && room.joined && !names.has(fold(room.name))) this.leave(room);
    }
    // A list may be older than our leaving.
    const isLeft = (name) => Date.now() - (this.#leftAt.get(fold(name)) ?? 0) < LEFT_FOR;
    const others = rooms.filter(({ name }) => fold(name) !== EVERYONE && !this.#state.find("room", name) && !isLeft(name));
    this.myRooms.listed(others);
    for (const { name } of others) this.#resumeRoom(this.#state.room(name));
    for (const { name } of rooms) if (this.#state.find("room", name)) this.#state.room(name).isOwn = true;
    this.#state.emit("list");
  }

  /** Whether the room that a link names exists. */
  #roomsFor({ rooms, prefix }) {
    const wished = this.#wished;
    if (!wished || !prefix || !sameName(prefix, wished)) return;
    this.#wished = "";
    if (rooms.some(({ name }) => sameName(name, wished))) this.join(wished);
    else this.#state.emit("noRoom", wished);
  }

  #joined(frame) {
    const room = this.#state.room(frame.room);
    room.joined = true;
    room.count = frame.others + 1;
    // The list of all comes when it is asked for.
    room.members = new Map([[fold(this.#state.me), this.#state.me]]);
    room.moreMembers = frame.others > 0;
    room.off = null;
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
    this.#leftAt.set(fold(room.name), Date.now());
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
    if (message.bot && !room.bots.has(fold(frame.from))) {
      room.bots.add(fold(frame.from));
      this.#state.emit("members", room);
    }
    if (!room.insert(message)) return;
    if (room.catchingUp) {
      this.#missed.set(room.key, (this.#missed.get(room.key) ?? 0) + 1);
    }
    if (message.notice) return this.#state.emit("stream", room);
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
    else if (isNew && !this.#hasInbox) this.#uncounted.add(direct);
    const message = said(frame);
    if (!direct.insert(message)) return;
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
      const isWrittenHere = this.delivery.came(conversation, message);
      if (conversation.unread === 0) conversation.read = message.id;
      else if (!isWrittenHere) this.#answeredElsewhere(conversation, message);
    } else if (watched && !conversation.catchingUp && !conversation.isLeftUnread) {
      conversation.read = message.id;
      this.#tellSoon(conversation);
    } else if (!this.#state.isIgnored(message.from)) {
      if (conversation.isRoom || !this.#state.isAccount) conversation.read ??= "0-0";
      // How far a thread has been read is known once it is loaded.
      if (conversation.read === null || conversation.isUnread(message)) {
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

  /** Whoever writes on another device has read there what was said before. */
  #answeredElsewhere(conversation, { id }) {
    if (conversation.isLeftUnread || conversation.read === null) return;
    this.markRead(conversation, id);
    if (conversation.divider !== null && compareIds(conversation.divider, id) < 0) conversation.divider = id;
  }

  #history(frame) {
    const room = this.#state.room(frame.room);
    const messages = frame.messages.map(said);
    const asked = room.loading;
    room.trouble = "";
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
    // Of others when they are opened.
    if (room === this.#state.active && room.messages.length < PAGE) this.older(room);
    this.#state.emit("stream", room);
    this.delivery.flush(room);
  }

  /** Too many messages were missed to fetch them all: starts again near the end. */
  #skip(room) {
    room.forget();
    room.hasAllUnread = false;
    room.skipped = true;
    this.#missed.set(room.key, 0);
    room.loading = { before: null, limit: PAGE, thenResume: true };
    this.#connection.send("history", { room: room.name, limit: PAGE });
  }

  // Direct messages of accounts ---------------------------------------------

  #thread(direct, after = null) {
    const limit = after ? 100 : Math.min(Math.max(PAGE, direct.unread + BEFORE_NEW), MOST_AT_ONCE);
    if (!this.#connection.send("thread", { user: direct.name, limit, ...(after && { after }) })) return;
    direct.loading = after ? null : { before: null, limit };
  }

  #missedDirect(direct) {
    if (direct.isUnkept) return;
    direct.catchingUp = true;
    this.#thread(direct, direct.lastId);
  }

  #threadCame(frame) {
    const direct = this.#state.direct(frame.user);
    const asked = direct.loading;
    const messages = frame.messages.map(said);
    direct.trouble = "";
    if (direct.read === null) {
      direct.read = this.#readBut(direct.unread, asked ? [...messages, ...direct.messages] : messages);
      if (direct === this.#state.active && direct.unread > 0) direct.divider = direct.read;
    }
    if (asked) {
      direct.loading = null;
      direct.prepend(messages);
      direct.complete = frame.complete || messages.length < asked.limit;
      const own = messages.findLast(({ from, body }) => body !== undefined && this.#state.isMe(from));
      if (own && direct.unread > 0) this.#answeredElsewhere(direct, own);
    } else {
      for (const message of messages) {
        if (!direct.insert(message) || message.notice) continue;
        this.#arrived(direct, message);
      }
      for (const change of frame.changes ?? []) this.#frame(change);
      direct.catchingUp = false;
      if (!frame.complete && messages.length > 0) return this.#missedDirect(direct);
    }
    this.delivery.flush(direct);
    this.#state.emit("stream", direct);
    this.#state.emit("list");
  }

  /** Up to where messages are read if so many of the other's are not. */
  #readBut(unread, messages) {
    const theirs = messages.filter(({ from, body }) => body !== undefined && !this.#state.isMe(from)).at(-unread);
    const first = unread > 0 ? messages.indexOf(theirs) : messages.length;
    return messages[first - 1]?.id ?? "0-0";
  }

  #inbox(frame) {
    for (const thread of frame.threads) {
      const direct = this.#state.direct(thread.user);
      const at = Date.parse(thread.at);
      direct.at = at;
      if (this.#uncounted.delete(direct) && direct.unread > 0) {
        this.#countDirect(direct, thread);
        continue;
      }
      if (direct.messages.length > 0) {
        // Some may have been read elsewhere.
        const isLess = thread.id === direct.lastId && thread.unread < direct.unread;
        if (isLess && this.myRooms.readUpTo(direct, this.#readBut(thread.unread, direct.messages))) this.#state.emit("stream", direct);
        continue;
      }
      direct.unread = thread.unread;
      direct.preview = thread.body;
    }
    const isMore = frame.threads.length >= INBOX_PAGE && frame.page < INBOX_PAGES;
    if (isMore) this.#connection.send("inbox", { page: frame.page + 1 });
    else {
      this.#hasInbox = true;
      this.#uncounted.clear();
      this.askPresence();
    }
    this.#state.emit("list");
  }

  /** Messages of a thread came before the inbox, which says how many more are unread. */
  #countDirect(direct, { id: last, unread }) {
    const isLater = ({ id, from, body }) => id && body !== undefined && compareIds(id, last) > 0 && !this.#state.isMe(from);
    direct.unread = unread + direct.messages.filter(isLater).length;
    if (direct.read === null) return;
    direct.read = this.#readBut(direct.unread, direct.messages);
    if (direct === this.#state.active) direct.divider = direct.read;
    this.#state.emit("stream", direct);
  }

  #typingCame(frame) {
    const conversation = frame.room ? this.#state.find("room", frame.room) : this.#state.find("direct", frame.from);
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
    this.search.stop(frame.body);
    if (NOT_NOW.includes(frame.code) && this.#isLoading()) return this.#loadLater(frame);
    if (frame.code === "already_in_channel" || frame.code === "not_ignored") return;
    if (frame.code === "not_in_channel") {
      const room = this.#state.find("room", frame.room ?? "");
      // It was asked about just before it was left.
      if (!room) return;
      if (room.isLeaving) return this.#left(frame);
    }
    if (frame.code === "no_history") return this.#noPast();
    if (this.#ignoring && NOT_IGNORING.includes(frame.code)) {
      this.#state.setIgnored(this.#ignoring, false);
      this.#ignoring = "";
    }
    if (frame.code === "no_such_user" && this.#isNobody(frame.user ?? "")) return;
    for (const conversation of this.#state.conversations.values()) conversation.loading = null;
    this.#state.toast(frame.body);
    this.#state.emit("refused", frame);
  }

  #isLoading() {
    return [...this.#state.conversations.values()].some(({ loading, catchingUp }) => loading || catchingUp);
  }

  /** The server keeps nothing of what is said. */
  #noPast() {
    for (const conversation of this.#state.conversations.values()) {
      if (!conversation.isRoom) continue;
      Object.assign(conversation, { loading: null, complete: true, isUnkept: true });
      this.#state.emit("stream", conversation);
    }
  }

  /** No account has this name: a guest, or nobody; there is nothing to load. Whether there is nothing
   * to say about it. */
  #isNobody(name) {
    const direct = this.#state.find("direct", name);
    if (!direct) return this.#state.isIgnored(name);
    if (!direct.loading && !direct.catchingUp) {
      direct.online = false;
      return false;
    }
    Object.assign(direct, { loading: null, catchingUp: false, complete: true, isUnkept: true });
    direct.read ??= "0-0";
    this.delivery.flush(direct);
    return true;
  }

  /** The server cannot say which rooms we have: goes on with those known here. */
  #withoutList() {
    for (const { name, read, muted, notify } of this.#remembered) {
      const room = this.#state.room(name);
      Object.assign(room, { read: room.read ?? read, muted: Boolean(muted), notify: notify ?? "mentions" });
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
  #loadLater({ body }) {
    const connection = this.#connection;
    const all = [...this.#state.conversations.values()].filter(({ loading, catchingUp }) => loading || catchingUp);
    for (const conversation of all) {
      Object.assign(conversation, { loading: null, trouble: body });
      this.#state.emit("stream", conversation);
    }
    clearTimeout(this.#reloading);
    this.#reloading = setTimeout(() => {
      for (const conversation of this.#state.conversations.values()) {
        conversation.trouble = "";
        if (conversation.catchingUp && connection === this.#connection && connection.state === "open") {
          if (conversation.isRoom) this.#resumeRoom(conversation);
          else this.#missedDirect(conversation);
        }
        this.#state.emit("stream", conversation);
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
    this.#saving = setTimeout(() => this.#saveNow(), 300);
  }

  /** The page goes away: what is told and kept a little later is now. */
  leavePage() {
    for (const conversation of this.#state.conversations.values()) {
      if (conversation.telling) this.#tellRead(conversation);
    }
    this.#connection.sendAllNow();
    this.#saveNow();
  }

  #saveNow() {
    clearTimeout(this.#saving);
    if (!this.#state.me) return;
    const rooms = this.#state.joinedRooms.map(({ name, read, muted, notify }) =>
      ({ name, read, ...(muted && { muted }), ...(notify !== "mentions" && { notify }) }));
    saveRooms(this.#state.storageKey, rooms);
  }

  setting(name, value) {
    change(name, value);
    if (name === "comings" && this.#state.active) this.#state.emit("stream", this.#state.active);
    return settings[name];
  }
}

function said(frame) {
  const kind = frame.action ? "action" : frame.notice ? "report" : "";
  const message = { id: frame.id, from: frame.from, kind, at: Date.parse(frame.at), changed: frame.changed };
  if (frame.bot) message.bot = true;
  if (frame.reply_to) message.reply = { id: frame.reply_to, author: frame.reply_author };
  // What is left of a deleted one keeps its place.
  if (frame.deleted) return { ...message, notice: "gone" };
  return { ...message, body: frame.body, editedAt: frame.edited_at ? Date.parse(frame.edited_at) : 0, ...reactionsOf(frame) };
}

/** Whether messages can be the answer to a request, and not some that came by themselves. */
function isAnswer(asked, messages) {
  return !asked.before || messages.every((message) => compareIds(message.id, asked.before) < 0);
}
