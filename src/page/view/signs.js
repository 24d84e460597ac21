// The signs below a message: how many have given each, and the picker for more.

import { h, icon } from "../lib/dom.js";
import { names } from "./parts.js";

/** A row of buttons; nothing for a message without reactions. */
export function signs(item, { state, reacting }) {
  if (!item.id || !item.reactions?.length) return false;
  return h("div", { class: "signs", role: "group", "aria-label": "Reactions" },
    item.reactions.map((given) => one(given, state, reacting)),
    h("button", { type: "button", class: "sign add", tabindex: "-1", "aria-label": "React", title: "React", "aria-haspopup": "dialog", "aria-expanded": "false", data: { react: "1" } }, icon("smile")));
}

function one(given, state, reacting) {
  const { sign, count } = given;
  const who = by(given, state);
  const button = h("button", {
    type: "button", class: "sign", tabindex: "-1", "aria-pressed": String(reacting.isMine(given)), title: who, "aria-label": `${sign} ${count}: ${who}`, data: { sign },
  }, h("span", { dir: "auto" }, sign), h("span", { class: "count" }, String(count)));
  return button;
}

function by({ count, users }, state) {
  const known = users.map((user) => (state.isMe(user) ? "you" : user));
  const others = count - known.length;
  return others > 0 ? `${known.join(", ")} and ${others} more` : names(known, known.length);
}
