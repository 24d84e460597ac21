// The rules of a room: what each is called and means, how a change is folded in, and what a role
// allows. The server decides; this only keeps the page from offering what it would refuse.

import { sameName } from "./names.js";

/** The switches of the settings, in their order: name, label, what it means. */
export const SWITCHES = [
  ["invite-only", "Invited people only", "People join with an invitation or a link, not by themselves."],
  ["registered-only", "Accounts only", "Guests cannot join."],
  ["secret", "Secret", "The room is in no list that people outside of it see."],
  ["moderated", "Moderated", "Only people with voice and operators write; everyone reads."],
  ["registered-speak", "Guests only read", "Writing needs an account."],
  ["topic-locked", "Topic by operators", "Only operators change the topic."],
];

/** The rules as a `rules` frame has them. */
export function readRules(frame) {
  return {
    registered: Boolean(frame.registered), founder: frame.founder ?? null,
    flags: new Set(frame.rules ?? []),
    key: frame.key ?? null, limit: frame.limit ?? null, slow: frame.slow ?? 0, history: frame.history ?? "all",
  };
}

/** The lists of people, which a change names as it does rules. */
export const LISTS = { ban: "banned", mute: "muted", except: "excepted", invite: "invited" };

/** Folds one change into the rules, where they are known. */
export function foldRule(rules, { rule, value, founder }) {
  if (rule === "registered") Object.assign(rules, { registered: value, founder: founder ?? null });
  else if (["key", "limit", "slow", "history"].includes(rule)) rules[rule] = value;
  else if (rule in LISTS || rule === "link" || rule === "opened") return;
  else if (value) rules.flags.add(rule);
  else rules.flags.delete(rule);
}

const RANKS = { voice: 1, operator: 2, founder: 3 };
const MARKS = { voice: "+", operator: "@", founder: "~" };

export const rank = (role) => RANKS[role] ?? 0;

/** The sign before a name in lists of people. */
export const roleMark = (role) => MARKS[role] ?? "";

/** What the user may do in a room. */
export function rights(state, room) {
  const mine = rank(room.roleOf(state.me));
  const { rules } = room;
  const operates = mine >= RANKS.operator;
  const owns = mine === RANKS.founder;
  return {
    operate: operates, own: owns,
    topic: operates || Boolean(rules && !rules.flags.has("topic-locked")),
    appoint: operates && (owns || !rules?.registered),
    register: operates && state.isAccount && Boolean(rules) && !rules.registered,
    history: owns,
  };
}

/** Whether the user may remove someone: not themselves, and nobody of a higher role. */
export function mayRemove(state, room, name) {
  return rights(state, room).operate && !sameName(name, state.me) && rank(room.roleOf(name)) <= rank(room.roleOf(state.me));
}

/** Why the user may not write in a room, as far as the rules say so. */
export function silence(state, room) {
  if (!room.isRoom || rank(room.roleOf(state.me)) > 0) return "";
  const flags = room.rules?.flags;
  if (flags?.has("moderated")) return "Only people with voice may write here. You can read along.";
  if (flags?.has("registered-speak") && !state.isAccount) return "Only people with an account may write here. You can read along.";
  return room.silenced;
}
