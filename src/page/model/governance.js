// Who may do what in rooms: the server's frames about topics, rules, roles, removals and
// invitations, and the commands of those who change them.

import { foldRule, LISTS, readRules } from "./rules.js";
import { fold, sameName } from "./names.js";

/** What a person is, for a line in the room. */
const BECOMES = { voice: "voice", operator: "an operator", founder: "the founder" };
/** Refusals of someone who wants to join. */
export const KEPT_OUT = ["cannot_join", "wrong_key", "too_many_wrong_keys", "invite_only", "banned_from_channel", "channel_full", "needs_account"];
/** The most invitations and removals that are shown. */
const MOST_CARDS = 5;
export class Governance {
  #state;
  #send;

  /** `send` sends a command, and returns whether it could. */
  constructor(state, send) {
    this.#state = state;
    this.#send = (type, args) => {
      if (send(type, args)) return true;
      state.toast("Not connected: try again in a moment.");
      return false;
    };
  }

  // What the user wants -----------------------------------------------------------

  setTopic(room, topic) {
    return this.#send("topic", { room: room.name, topic });
  }

  /** Asks for the rules of a room, once as long as we are in it. */
  askRules(room) {
    if (!room?.isRoom || !room.joined || room.rulesAsked) return;
    room.rulesAsked = this.#send("rules", { room: room.name });
  }

  setRule(room, rule, value) {
    return this.#send("setrules", { room: room.name, changes: [{ rule, value }] });
  }

  /** Without a role they are an ordinary member. */
  setRole(room, user, role) {
    const keep = Boolean(room.rules?.registered);
    return this.#send("role", { room: room.name, user, role: role ?? "none", keep });
  }

  kick(room, user, reason) {
    return this.#send("kick", { room: room.name, user, ...(reason && { reason }) });
  }

  /** `how` has `minutes` (none: for ever), `reason`, and `mute` instead of keeping out. */
  ban(room, user, { minutes, reason, mute }) {
    return this.#send("ban", {
      room: room.name, user, ...(minutes && { minutes }), ...(reason && { reason }), ...(mute && { mute: true }),
    });
  }

  /** Takes an entry off its list. */
  lift(room, { mask, list }) {
    return this.#send("unban", { room: room.name, mask, list });
  }

  /** What only operators see: the bans, and the links. */
  askLists(room) {
    this.askBans(room);
    this.#askLinks(room);
  }

  #askLinks(room) {
    this.#send("invitelink", { room: room.name, list: true });
  }

  makeLink(room, { uses, minutes }) {
    return this.#send("invitelink", { room: room.name, ...(uses && { uses }), ...(minutes && { minutes }) });
  }

  withdrawLink(room, { id }) {
    return this.#send("invitelink", { room: room.name, withdraw: id });
  }

  /** Says that we are away, and why; without a text that we are back. */
  setAway(text) {
    return this.#send("away", text ? { text } : {});
  }

  askUser(user) {
    return this.#send("whois", { user });
  }

  askBans(room) {
    return this.#send("bans", { room: room.name });
  }

  invite(room, user) {
    return this.#send("invite", { room: room.name, user });
  }

  register(room) {
    return this.#send("register_room", { room: room.name });
  }

  drop(room) {
    return this.#send("drop_room", { room: room.name });
  }

  transfer(room, user) {
    return this.#send("transfer_room", { room: room.name, user });
  }

  // Frames --------------------------------------------------------------------------

  frames = {
    topic: (frame) => this.#topic(frame),
    rules: (frame) => this.#rules(frame),
    role: (frame) => this.#role(frame),
    kicked: (frame) => this.#kicked(frame),
    bans: (frame) => this.#bans(frame),
    invitelink: (frame) => this.#linked(frame),
    invited: (frame) => this.#invited(frame),
    user: (frame) => this.#state.emit("person", frame),
    away: (frame) => {
      this.#isAway(frame.user, frame.text ?? null);
      this.#state.emit("members", this.#state.active);
      this.#state.emit("me");
    },
    invite_sent: (frame) => {
      this.#state.emit("inviteSent");
      this.#state.toast(frame.body);
    },
  };

  /** We are in a room now: what was known about it is asked for anew. */
  joined(room, frame) {
    room.topic = frame.topic ? { text: frame.topic, by: frame.by ?? null } : null;
    room.rules = null;
    room.rulesAsked = false;
    room.bans = room.links = room.madeLink = null;
    room.silenced = "";
    room.roles = new Map();
    this.#is(room, this.#state.me, frame.role ?? null);
    this.#uncard(room.name);
    this.#changed(room);
  }

  /** The list of people says what each is, and who is away. */
  users(room, { users, roles = {}, away = {}, bots = [], after, prefix }) {
    const mine = room.roleOf(this.#state.me);
    if (!after && !prefix) room.roles = new Map();
    for (const name of bots) room.bots.add(fold(name));
    for (const name of users) {
      this.#is(room, name, roles[name] ?? null);
      this.#isAway(name, away[name] ?? null);
    }
    // In a long list we may be further down.
    if (!users.some((name) => this.#state.isMe(name))) this.#is(room, this.#state.me, mine);
    this.#changed(room);
  }

  /** We were taken out of a room. */
  removed({ room, by, reason }) {
    this.#card({ kind: "removed", room, by, reason: reason ?? "" });
  }

  /** A room does not let us in. `pass` is what the user has just tried to join with; without it
   * the page has tried by itself. */
  keptOut(name, frame, pass) {
    const room = this.#state.find("room", name);
    if (room && !room.joined) this.#state.remove(room);
    const refused = { kind: "refused", room: name, code: frame.code, words: frame.body, given: pass?.key };
    if (pass) this.#state.emit("keptOut", refused);
    else if (name) this.#card(refused);
    else this.#state.toast(frame.body);
  }

  /** The server has refused a message of ours. */
  silenced(room, frame) {
    if (frame.code === "slow_mode") {
      const { seconds = 1 } = frame;
      room.waitUntil = Date.now() + seconds * 1000;
    } else {
      room.silenced = frame.body;
    }
    this.#changed(room);
  }

  /** A message of ours is stored: in slow mode the next one has to wait. */
  spoken(room) {
    const seconds = room.rules?.slow ?? 0;
    const isSlow = seconds > 0 && !room.roleOf(this.#state.me);
    if (!isSlow && !room.silenced && room.waitUntil === 0) return;
    room.silenced = "";
    room.waitUntil = isSlow ? Date.now() + seconds * 1000 : 0;
    this.#changed(room);
  }

  dismiss(card) {
    this.#state.cards = this.#state.cards.filter((other) => other !== card);
    this.#state.emit("cards");
  }

  // ---------------------------------------------------------------------------------

  #topic(frame) {
    const room = this.#state.find("room", frame.room);
    if (!room) return;
    room.topic = frame.topic ? { text: frame.topic, by: frame.by ?? null } : null;
    // The answer to a question has no id.
    if (frame.id) this.#note(room, frame.topic ? `${frame.by} set the topic: ${frame.topic}` : `${frame.by} took the topic away`);
    this.#changed(room);
  }

  #rules(frame) {
    const room = this.#state.find("room", frame.room);
    if (!room) return;
    if (Array.isArray(frame.rules)) {
      room.rules = readRules(frame);
      room.links = frame.links ?? null;
      if (frame.role !== undefined) this.#is(room, this.#state.me, frame.role);
    }
    for (const change of frame.changes ?? []) this.#fold(room, change);
    if (frame.id) this.#note(room, frame.body);
    this.#changed(room);
  }

  #fold(room, change) {
    const { rule, value, founder } = change;
    if (founder) this.#founded(room, founder);
    if (room.rules) foldRule(room.rules, change);
    // What kept us from speaking may be gone: the server says so if not.
    if (!value || rule === "except") room.silenced = "";
    if (rule === "slow" && !value) room.waitUntil = 0;
    if (rule in LISTS) room.bans = null;
    // Nothing is left of the rules.
    if (rule === "opened") this.#askAnew(room);
    // Only who has the settings open has asked for them.
    if (rule === "link" && room.links) this.#askLinks(room);
  }

  #askAnew(room) {
    room.rulesAsked = false;
    this.askRules(room);
  }

  /** A room has a founder; the one before becomes an operator. */
  #founded(room, founder) {
    const before = room.rules?.founder;
    if (before && !sameName(before, founder)) this.#is(room, before, "operator");
    this.#is(room, founder, "founder");
  }

  #role(frame) {
    const room = this.#state.find("room", frame.room);
    if (!room) return;
    const user = frame.user ?? this.#state.me;
    this.#is(room, user, frame.role ?? null);
    if (this.#state.isMe(user)) {
      room.silenced = "";
      // Who has a role need not wait.
      if (frame.role) room.waitUntil = 0;
    }
    const becomes = BECOMES[frame.role] ?? "an ordinary member";
    if (frame.user) this.#note(room, `${frame.by} made ${user} ${becomes}`.replace(/made (.+) voice$/, "gave $1 voice"));
    else if (frame.role) this.#note(room, `You are ${becomes} of this room.`);
    this.#changed(room);
  }

  #kicked(frame) {
    const room = this.#state.find("room", frame.room);
    if (!room) return;
    room.members.delete(fold(frame.user));
    room.typing.delete(fold(frame.user));
    room.roles.delete(fold(frame.user));
    room.count = Math.max(room.moreMembers ? (room.count ?? 1) - 1 : room.members.size, 1);
    this.#note(room, `${frame.by} removed ${frame.user}${frame.reason ? `: ${frame.reason}` : ""}`);
    this.#state.emit("members", room);
    this.#changed(room);
  }

  #bans(frame) {
    const room = this.#state.find("room", frame.room);
    if (!room) return;
    room.bans = frame.bans ?? [];
    this.#changed(room);
  }

  /** A link that we have made. */
  #linked(frame) {
    const room = this.#state.find("room", frame.room);
    if (!room) return;
    room.madeLink = frame.invitation;
    this.#changed(room);
  }

  #invited(frame) {
    const { by } = frame;
    if (this.#state.isIgnored(by)) return;
    this.#card({ kind: "invited", room: frame.room, by });
    this.#state.emit("announced", `${by} invites you to #${frame.room}`);
  }

  /** What a person is in a room from now on. */
  #is(room, name, role) {
    if (role) room.roles.set(fold(name), role);
    else room.roles.delete(fold(name));
  }

  /** Why a person is away; null for one who is here. */
  #isAway(name, text) {
    if (text !== null) this.#state.away.set(fold(name), text);
    else this.#state.away.delete(fold(name));
    this.#state.emit("away", name);
  }

  #note(room, text) {
    room.note({ notice: "words", text });
    this.#state.emit("stream", room);
  }

  #card(card) {
    const others = this.#state.cards.filter((other) => other.kind !== card.kind || !sameName(other.room, card.room));
    this.#state.cards = [...others, card].slice(-MOST_CARDS);
    this.#state.emit("cards");
  }

  #uncard(name) {
    this.#state.cards = this.#state.cards.filter(({ room }) => !sameName(room, name));
    this.#state.emit("cards");
  }

  #changed(room) {
    this.#state.emit("governed", room);
    this.#state.emit("members", room);
    this.#state.emit("list");
  }
}
