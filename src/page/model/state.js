// Everything the page shows. No network, no document: the chat changes it, and views listen.

import { Emitter } from "../lib/emitter.js";
import { Conversation } from "./conversation.js";
import { Drafts } from "./drafts.js";
import { byName, fold, IN_NAME, sameName } from "./names.js";
import { saveIgnored, savedIgnored } from "./storage.js";

/** Rooms that are remembered at most. */
const MOST_ROOMS = 2_000;

/** Emits `list` (the side bar), `stream`, `members`, `typing` (each with a
 * conversation), `active`, `link`, `me`, `rooms`, `found`, `toast` (words),
 * `arrived` (conversation, message), `opened` (conversation), `governed` (room: its
 * topic, rules or roles), `cards`, `keptOut` (a refusal to let us in). */
export class State extends Emitter {
  me = "";
  isAccount = false;
  /** As of the connection; `until` while waiting. */
  link = { state: "connecting", until: 0 };
  conversations = new Map();
  active = null;
  /** Rooms there are, `{name, members}`: all of them, or the first and those
   * that were looked for. */
  rooms = [];
  /** Whether there are more than these. */
  moreRooms = false;
  announcements = [];
  /** Why people are away, by folded name. */
  away = new Map();
  /** Invitations, removals and refusals to be shown: `{kind, room, …}`. */
  cards = [];
  search = { query: "", room: null, results: null, busy: false };
  ignored = new Map();
  /** Whether the end of the active conversation is in view. */
  atEnd = true;
  #drafts = null;

  enter(login) {
    this.me = login.nickname;
    this.isAccount = login.kind === "account";
    this.#drafts = new Drafts(this.storageKey, Boolean(login.keep));
    this.ignored = new Map(savedIgnored(this.storageKey).map((name) => [fold(name), name]));
  }

  get storageKey() {
    return fold(this.me);
  }

  awayOf(name) {
    return this.away.get(fold(name)) ?? null;
  }

  isMe(name) {
    return sameName(name, this.me);
  }

  /** Takes a part of the rooms there are: the first, or those looked for. */
  listRooms({ rooms, more, after, prefix }) {
    const isFirst = !after && !prefix;
    if (isFirst) this.moreRooms = Boolean(more);
    if (isFirst && !more) {
      this.rooms = rooms;
      return;
    }
    const listed = new Set(rooms.map(({ name }) => fold(name)));
    const others = this.rooms.filter(({ name }) => !listed.has(fold(name)));
    this.rooms = [...rooms, ...others].slice(0, MOST_ROOMS);
  }

  room(name) {
    return this.#conversation("room", name);
  }

  direct(name) {
    return this.#conversation("direct", name);
  }

  find(kind, name) {
    return this.conversations.get(`${kind}:${fold(name)}`);
  }

  get joinedRooms() {
    return [...this.conversations.values()]
      .filter((one) => one.isRoom)
      .sort((one, other) => byName(one.name, other.name));
  }

  /** Direct messages, the latest first. */
  get directs() {
    const when = (one) => one.messages.at(-1)?.at ?? one.at ?? 0;
    return [...this.conversations.values()]
      .filter((one) => !one.isRoom)
      .sort((one, other) => when(other) - when(one));
  }

  /** People who are in any room we are in. */
  get people() {
    const people = new Map();
    for (const conversation of this.conversations.values()) {
      for (const [key, name] of conversation.members) people.set(key, name);
      if (!conversation.isRoom) people.set(fold(conversation.name), conversation.name);
    }
    return [...people.values()].sort(byName);
  }

  /** The conversation of a message that is being changed, if it is open: a room, or the thread with the other one. */
  aboutWhich({ room, to }, author) {
    return room ? this.find("room", room) : this.find("direct", (this.isMe(author) ? to : author) ?? "");
  }

  /** Renames the thread with a user whose nickname has changed. */
  renameDirect(from, to) {
    const direct = this.find("direct", from);
    if (!direct || this.find("direct", to)) return;
    this.conversations.delete(direct.key);
    direct.rename(to);
    this.conversations.set(direct.key, direct);
    if (this.active === direct) this.emit("active");
  }

  remove(conversation) {
    this.conversations.delete(conversation.key);
    if (this.active === conversation) {
      this.active = null;
      this.emit("active");
    }
    this.#keepDraft(conversation);
    this.emit("list");
  }

  activate(conversation) {
    if (this.active === conversation) return;
    if (this.active) this.active.divider = null;
    this.active = conversation;
    if (conversation) {
      conversation.isLeftUnread = false;
      const isNew = conversation.unread > 0;
      conversation.divider = isNew ? conversation.read : null;
      this.atEnd = !isNew;
    }
    this.emit("active");
    this.emit("list");
  }

  isIgnored(name) {
    return this.ignored.has(fold(name));
  }

  setIgnored(name, isIgnored) {
    if (isIgnored) this.ignored.set(fold(name), name);
    else this.ignored.delete(fold(name));
    this.#ignoredChanged();
  }

  setAllIgnored(names) {
    this.ignored = new Map(names.map((name) => [fold(name), name]));
    this.#ignoredChanged();
  }

  #ignoredChanged() {
    saveIgnored(this.storageKey, [...this.ignored.values()]);
    this.emit("members", this.active);
    if (this.active) this.emit("stream", this.active);
    this.emit("list");
  }

  /** Whether a message speaks to us by name. */
  mentionsMe(body) {
    const text = fold(body);
    // Names contain no character with a special meaning in a pattern.
    const me = fold(this.me);
    const before = new RegExp(`(?<!${IN_NAME})@${me}(?!${IN_NAME})`, "u");
    return before.test(text) || new RegExp(`^${me}[:,]`, "u").test(text);
  }

  get unreadTotal() {
    let total = 0;
    for (const one of this.conversations.values()) total += one.isRoom ? one.mentions : one.unread;
    return total;
  }

  get hasUnread() {
    return [...this.conversations.values()].some((one) => (one.muted ? one.mentions : one.unread) > 0);
  }

  /** What was written and not sent is there again if the conversation comes back. */
  #keepDraft({ key, draft, pending, answering }) {
    this.#drafts.set(key, [...pending.map(({ body }) => body), draft].filter(Boolean).join("\n"), answering);
  }

  /** Notes what is being written in a conversation. */
  setDraft(conversation, text) {
    conversation.draft = text;
    this.#drafts.set(conversation.key, text, conversation.answering);
  }

  /** Notes which message is being answered in a conversation, `{id, author}`; null for none. */
  setAnswering(conversation, answering) {
    conversation.answering = answering;
    this.#drafts.set(conversation.key, conversation.draft, answering);
  }

  forgetDrafts() {
    this.#drafts.forget();
  }

  toast(words) {
    this.emit("toast", words);
  }

  #conversation(kind, name) {
    const known = this.find(kind, name);
    if (known) return known;
    const conversation = new Conversation(kind, name);
    const { text, answering } = this.#drafts.get(conversation.key);
    Object.assign(conversation, { draft: text, answering });
    this.conversations.set(conversation.key, conversation);
    return conversation;
  }
}
