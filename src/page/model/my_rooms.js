// The rooms of an account, how far it has read in each, and which are muted: the server keeps that, the
// same for all tabs and devices. For guests, and with a server that does not keep it, the browser does.

import { compareIds } from "./conversation.js";

export class MyRooms {
  #state;
  #send;
  /** The last message that the server has been told is read, by room. */
  #told = new Map();

  constructor(state, send) {
    this.#state = state;
    this.#send = send;
  }

  /** Asks for the list; false if there is none. */
  ask() {
    return this.#state.isAccount && this.#send("myrooms");
  }

  /** The list. Returns the rooms in it. */
  listed({ rooms }) {
    return rooms.map(({ name, read, muted }) => {
      const room = this.#state.room(name);
      room.muted = Boolean(muted);
      if (read) this.#readUpTo(room, read);
      return room;
    });
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
