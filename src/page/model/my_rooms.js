// The rooms of an account, how far it has read in each, and which are muted: the server keeps that, the
// same for all tabs and devices. For guests, and with a server that does not keep it, the browser does.

import { compareIds } from "./conversation.js";
import { takeLevel } from "./storage.js";

/** The highest sequence that an id can have. */
const MOST_IN_A_MS = 2 ** 20 - 1;

export class MyRooms {
  #state;
  #send;
  /** The last message that the server has been told is read, by room. */
  #told = new Map();
  /** Whether the list is still to come. */
  isAwaited = false;

  constructor(state, send) {
    this.#state = state;
    this.#send = send;
  }

  /** Asks for the list; false if there is none. */
  ask() {
    this.isAwaited = this.#state.isAccount && this.#send("myrooms");
    return this.isAwaited;
  }

  /** The list. What is unread is known before the messages are here. */
  listed(rooms) {
    this.isAwaited = false;
    for (const { name, read, muted, notify, unread, mentions, members } of rooms) {
      const room = this.#state.room(name);
      room.muted = Boolean(muted);
      // An older server does not keep it; this device did, before the server.
      if (notify) this.#adopt(room, notify);
      room.count = members ?? room.count;
      this.#told.set(room.key, read);
      if (room.read === null || compareIds(read, room.read) > 0) room.read = read;
      room.unread = unread;
      room.mentions = mentions;
      room.counted = room.isOwn = true;
    }
  }

  /** What was missed is here: from now on it is counted here. */
  complete(room) {
    if (!room.counted) return;
    room.counted = false;
    const isAllHere = room.firstId === null || room.complete || compareIds(room.firstId, room.read) <= 0;
    if (isAllHere || room.hasAllUnread) this.#recount(room);
  }

  /** Everything in a room up to its last message has been seen here. */
  seen(room) {
    if (!this.#state.isAccount || !room.isRoom || !room.read || room.read === "0-0") return;
    if (this.#told.get(room.key) === room.read) return;
    this.#told.set(room.key, room.read);
    this.#send("readroom", { room: room.name, id: room.read });
  }

  /** It has been read so far elsewhere. */
  readElsewhere({ room: name, id }) {
    const room = this.#state.find("room", name);
    if (!room) return;
    this.#told.set(room.key, id);
    if (room.read !== null && compareIds(id, room.read) <= 0) return;
    room.read = id;
    this.#recount(room);
    this.#state.emit("list");
    if (room === this.#state.active) this.#state.emit("stream", room);
  }

  mute(room, muted) {
    this.muted({ room: room.name, muted });
    if (this.#state.isAccount) this.#send("muteroom", { room: room.name, muted });
  }

  /** A room is muted or not any more, here or elsewhere. */
  muted({ room: name, muted }) {
    const room = this.#state.find("room", name);
    if (!room) return;
    room.muted = Boolean(muted);
    this.#state.emit("list");
    this.#state.emit("members", room);
  }

  /** What of a room is notified, on all devices of an account. */
  notify(room, level) {
    this.notified({ room: room.name, notify: level });
    if (this.#state.isAccount) this.#send("notifyroom", { room: room.name, notify: level });
  }

  /** It is another level, here or elsewhere. */
  notified({ room: name, notify }) {
    const room = this.#state.find("room", name);
    if (!room) return;
    room.notify = notify;
    this.#state.emit("list");
    this.#state.emit("members", room);
  }

  /** The server's level, unless this device has one from when only devices kept it. */
  #adopt(room, level) {
    room.notify = level;
    const own = takeLevel(room.key);
    if (own && own !== level) this.notify(room, own);
  }

  /** A conversation has been read up to a message; false if it was already. */
  readUpTo(conversation, id) {
    const { read, lastId } = conversation;
    if (!id || lastId === "0-0" || (id === read && conversation.unread === 0)) return false;
    if (read !== null && compareIds(id, read) < 0) return false;
    conversation.read = id;
    if (id === lastId) {
      conversation.unread = conversation.mentions = 0;
    } else if (read !== null) {
      const { unread, mentions } = this.#count(conversation.messages.slice(conversation.indexAfter(read), conversation.indexAfter(id)));
      conversation.unread = Math.max(0, conversation.unread - unread);
      conversation.mentions = Math.max(0, conversation.mentions - mentions);
    }
    return true;
  }

  /** A message and all after it count as unread again, here, until the conversation is left and opened, or
   * marked as read. */
  leaveUnread(conversation, message) {
    conversation.read = justBefore(message.id);
    conversation.isLeftUnread = true;
    this.#recount(conversation);
  }

  #recount(room) {
    Object.assign(room, this.#count(room.messages.slice(room.indexAfter(room.read))));
  }

  /** How many messages of others there are among some, and how many of them for us. */
  #count(messages) {
    const news = messages.filter(({ id, from, body }) => id && body !== undefined && !this.#state.isMe(from) && !this.#state.isIgnored(from));
    return { unread: news.length, mentions: news.filter(({ body }) => this.#state.mentionsMe(body)).length };
  }
}

/** A place right before a message: the one before it may not be here. */
function justBefore(id) {
  const [ms, sequence] = id.split("-").map(Number);
  return sequence > 0 ? `${ms}-${sequence - 1}` : `${ms - 1}-${MOST_IN_A_MS}`;
}
