// The members of each room, and the lines about arrivals and departures. Neighbouring lines are
// merged, and a member who left and came back is left out.

import { fold } from "./names.js";

export class Comings {
  #state;

  constructor(state) {
    this.#state = state;
  }

  /** A part of the members of a room: the first ones, or those searched for. */
  users({ room: name, users, more, after, prefix }) {
    const room = this.#state.room(name);
    const isPart = Boolean(after || prefix);
    if (!isPart) {
      room.members = new Map();
      room.moreMembers = Boolean(more);
    }
    for (const user of users) room.members.set(fold(user), user);
    room.count = room.moreMembers ? Math.max(room.count ?? 0, room.members.size) : room.members.size;
    this.#changed(room);
  }

  join({ room: name, user, bot }) {
    const room = this.#state.find("room", name);
    if (!room) return;
    if (bot) room.bots.add(fold(user));
    const isNew = !room.members.has(fold(user));
    room.members.set(fold(user), user);
    this.#count(room, isNew ? 1 : 0);
    this.#note(room, user, 1);
    this.#seen(user, true);
    this.#changed(room);
  }

  leave({ room: name, user, reason }) {
    const room = this.#state.find("room", name);
    if (!room) return;
    room.members.delete(fold(user));
    room.roles.delete(fold(user));
    room.typing.delete(fold(user));
    this.#count(room, -1);
    if (reason) {
      room.note({ notice: "words", text: `${user} left: ${reason}` });
      this.#state.emit("stream", room);
    } else {
      this.#note(room, user, -1);
    }
    this.#changed(room);
  }

  rename({ room: name, user, to }) {
    const room = this.#state.find("room", name);
    if (!room) return;
    room.members.delete(fold(user));
    room.members.set(fold(to), to);
    const role = room.roleOf(user);
    room.roles.delete(fold(user));
    if (role) room.roles.set(fold(to), role);
    room.note({ notice: "renamed", from: user, to });
    this.#state.renameDirect(user, to);
    this.#changed(room);
    this.#state.emit("stream", room);
  }

  /** Arrivals and departures too many to list, as counts. */
  counted({ room: name, joined, left }) {
    const room = this.#state.find("room", name);
    if (!room) return;
    room.note({ notice: "counted", joined, left });
    this.#state.emit("stream", room);
  }

  /** One more or less; all are known only where there are not too many. */
  #count(room, step) {
    room.count = Math.max(room.moreMembers ? (room.count ?? 0) + step : room.members.size, 1);
  }

  #note(room, user, step) {
    let last = room.messages.at(-1);
    if (last?.notice !== "comings") {
      room.note({ notice: "comings", moves: new Map() });
      last = room.messages.at(-1);
    }
    const sum = (last.moves.get(user) ?? 0) + step;
    if (sum === 0) last.moves.delete(user);
    else last.moves.set(user, Math.sign(sum));
    last.version = (last.version ?? 0) + 1;
    if (last.moves.size === 0) room.messages.pop();
    this.#state.emit("stream", room);
  }

  #seen(user, online) {
    const direct = this.#state.find("direct", user);
    if (direct) direct.online = online;
  }

  #changed(room) {
    this.#state.emit("members", room);
    this.#state.emit("list");
  }
}
