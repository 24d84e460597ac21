// One room or one thread of direct messages: its messages in order, those being sent, its members,
// and how far it has been read.

import { fold } from "./names.js";

/** The most entries kept in memory; the server has the rest. */
const MOST = 20_000;
/** How many of the oldest are dropped at once beyond that. */
const SPARE = 2_000;
const START = "0-0";

/** A message's place: milliseconds, sequence, and for what has no id of its
 * own (notices) a number after the message it follows. */
function place(id, sub = 0) {
  const [ms, sequence] = id.split("-").map(Number);
  return { ms, sequence, sub };
}

function compare(one, other) {
  return one.ms - other.ms || one.sequence - other.sequence || one.sub - other.sub;
}

export const compareIds = (one, other) => compare(place(one), place(other));

export class Conversation {
  /** Messages and notices, oldest first, without holes. */
  messages = [];
  /** Own messages the server has not confirmed, in the order written. */
  pending = [];
  /** Goes down when older messages are put in front, up when they are dropped:
   * index + offset stays the same for a message. */
  offset = 0;
  /** People in the room, by folded name. */
  members = new Map();
  /** Accounts to which the room belongs, and who are not here now; null until that is known. */
  off = null;
  /** Whether the server has it among our rooms. */
  isOwn = false;
  /** Whether the server has been told that the user leaves. */
  isLeaving = false;
  /** People who are here now. */
  count = 0;
  unread = 0;
  mentions = 0;
  /** Whether only mentions count here. */
  muted = false;
  /** What of a room is notified: `mentions`, `all` or `nothing`. */
  notify = "mentions";
  /** Whether the server has counted what is unread, and the messages are still coming. */
  counted = false;
  /** Whether all unread messages are here. */
  hasAllUnread = false;
  /** Whether new messages before the oldest that is here were left out: there are too many. */
  skipped = false;
  /** The last message that has been read. */
  read = null;
  /** Whether the user wants what is in view to stay unread. */
  isLeftUnread = false;
  /** The last one read when it was opened: what is new begins after it. */
  divider = null;
  /** Whether there is nothing older at the server. */
  complete = false;
  /** A request for older messages that is under way. */
  loading = null;
  /** Whether what was missed is still coming. */
  catchingUp = false;
  /** Why nothing can be loaded at present. */
  trouble = "";
  /** Whether the server keeps nothing of it. */
  isUnkept = false;
  /** Whether we are in it now. */
  joined = false;
  draft = "";
  /** The message that the draft answers: `{id, author}`. */
  answering = null;
  /** Who is typing, until when. */
  typing = new Map();
  online = false;
  /** What it is about: `{text, by}`. */
  topic = null;
  /** The rules, once the server has told them; see rules.js. */
  rules = null;
  /** What people are beyond ordinary members, by folded name. */
  roles = new Map();
  /** Folded names of those that are programs. */
  bots = new Set();
  /** The server's words why we may not write, after it has refused. */
  silenced = "";
  /** In slow mode, when we may write again. */
  waitUntil = 0;
  /** What opens it, for when the connection has to be made again. */
  opensWith = null;
  #notices = 0;

  constructor(kind, name) {
    this.kind = kind;
    this.rename(name);
  }

  rename(name) {
    this.name = name;
    this.key = `${this.kind}:${fold(name)}`;
  }

  roleOf(name) {
    return this.roles.get(fold(name)) ?? null;
  }

  get isRoom() {
    return this.kind === "room";
  }

  /** As people write it. */
  get title() {
    return this.isRoom ? `#${this.name}` : this.name;
  }

  /** The id of the newest message; the very start if there is none. */
  get lastId() {
    return this.messages.findLast((message) => message.id)?.id ?? START;
  }

  get firstId() {
    return this.messages.find((message) => message.id)?.id ?? null;
  }

  /** Puts a message in its place; false if it is there already. */
  insert(message) {
    Object.assign(message, place(message.id));
    const at = this.#position(message);
    if (at > 0 && compare(this.messages[at - 1], message) === 0) return false;
    if (at === 0 && this.messages.length > 0) this.offset -= 1;
    this.messages.splice(at, 0, message);
    this.#bound();
    return true;
  }

  /** Puts older messages, oldest first, in front; those that are known are left out. */
  prepend(older) {
    const first = this.messages.find(({ id }) => id);
    const news = older
      .map((message) => Object.assign(message, place(message.id)))
      .filter((message) => !first || compare(message, first) < 0);
    // Notices from before any message was known follow these.
    const last = news.at(-1);
    for (const notice of this.messages) {
      if (notice.ms > 0 || !last) break;
      Object.assign(notice, { ms: last.ms, sequence: last.sequence });
    }
    this.messages = [...news, ...this.messages];
    this.offset -= news.length;
    return news.length;
  }

  /** Appends a line that is not a message. */
  note(notice) {
    this.#notices += 1;
    const last = this.messages.at(-1);
    const after = last ? { ms: last.ms, sequence: last.sequence } : { ms: 0, sequence: 0 };
    this.messages.push(Object.assign(notice, after, { sub: this.#notices, at: Date.now() }));
    this.#bound();
  }

  /** Forgets all messages: what follows is not connected to them. */
  forget() {
    this.offset += this.messages.length;
    this.messages = [];
    this.complete = false;
    this.loading = null;
  }

  find(id) {
    const message = place(id);
    const found = this.messages[this.#position(message) - 1];
    return found && compare(found, message) === 0 ? found : null;
  }

  /** Whether the first new messages are not here, because there are too many. */
  get lacksNew() {
    return this.skipped && !this.complete && this.divider !== null && this.firstId !== null && compareIds(this.firstId, this.divider) > 0;
  }

  /** Whether a message can be answered and reacted to: the server keeps it. */
  isKept(message) {
    return Boolean(message.id) && (this.isRoom || !this.isUnkept);
  }

  isUnread(message) {
    return this.read !== null && compareIds(message.id, this.read) > 0;
  }

  /** Where the entries after an id begin. */
  indexAfter(id) {
    return this.#position(place(id));
  }

  /** How many entries are not after this one. */
  #position(wanted) {
    let low = 0;
    let high = this.messages.length;
    // Nearly always the newest.
    if (high > 0 && compare(this.messages[high - 1], wanted) <= 0) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(this.messages[middle], wanted) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #bound() {
    if (this.messages.length <= MOST) return;
    this.messages.splice(0, SPARE);
    this.offset += SPARE;
    this.complete = false;
  }
}
