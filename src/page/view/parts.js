// Small pieces that several views show.

import { h } from "../lib/dom.js";
import { hue, initials } from "../model/names.js";

/** What the key for short cuts is called here. */
export const CONTROL = /Mac|iP(hone|ad)/.test(navigator.platform) ? "⌘" : "Ctrl";

/** Whether a key belongs to an input method. Safari ends a composition before the key that ended it. */
export const isComposing = (event) => event.isComposing || event.keyCode === 229;

/** A device worked with fingers, whose keyboard is on the screen. */
export const TOUCH = matchMedia("(pointer: coarse) and (hover: none)");

/** The square that stands for a person. */
export function avatar(name, more = "") {
  const square = h("span", { class: `avatar ${more}`, "aria-hidden": "true" }, initials(name));
  square.style.setProperty("--hue", hue(name));
  return square;
}

export function presence(isOnline) {
  return h("span", { class: isOnline ? "presence online" : "presence" },
    h("span", { class: "unseen" }, isOnline ? "online" : "offline"));
}

/** Says that a person is none. */
export const botMark = () => h("small", { class: "bot" }, "bot");

/** A number of unread messages, in words for screen readers. */
export function badge(count, mentions = 0) {
  const what = mentions > 0 ? `${count} unread, ${mentions} for you` : `${count} unread`;
  return h("span", { class: mentions > 0 ? "badge mention" : "badge" },
    h("span", { "aria-hidden": "true" }, count > 99 ? "99+" : String(count)),
    h("span", { class: "unseen" }, what));
}

export const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

/** "ada", "ada and bob", "ada, bob and 3 others" */
export function names(list, most = 3) {
  if (list.length === 1) return list[0];
  if (list.length <= most) return `${list.slice(0, -1).join(", ")} and ${list.at(-1)}`;
  return `${list.slice(0, most - 1).join(", ")} and ${list.length - most + 1} others`;
}
