// The rooms of an account, how far it has read in each, and which are muted: the server keeps that, the
// same for all tabs and devices. For guests, and with a server that does not keep it, the browser does.

import { compareIds } from "./conversation.js";

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
    for (const { name, read, muted, unread, mentions, members } of rooms) {
      const room = this.#state.room(name);
      room.muted = Boolean(muted);
      room.count = members ?? room.count;
      this.#told.set(room.key, read);
      if (room.read === null || compareIds(read, room.read) > 0) room.read = read;
      room.unread = unread;
      room.mentions = mentions;
      room.counted = true;
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
    this.#readUpTo(room, id);
    this.#state.emit("list");
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

  #readUpTo(room, id) {
    if (room.read !== null && compareIds(id, room.read) <= 0) return;
    room.read = id;
    this.#recount(room);
  }

  #recount(room) {
    const { unread, mentions } = this.#count(room);
    room.unread = unread;
    room.mentions = mentions;
  }

  #count(room) {
    const isNew = ({ id, from, body }) =>
      id && body !== undefined && room.isUnread({ id }) && !this.#state.isMe(from) && !this.#state.isIgnored(from);
    const news = room.messages.filter(isNew);
    return { unread: news.length, mentions: news.filter(({ body }) => this.#state.mentionsMe(body)).length };
  }
}
