// One entry of the stream as an element: a message or a notice, with the lines before it. Its look
// depends on its neighbour.

import { h, icon } from "../lib/dom.js";
import { compareIds } from "../model/conversation.js";
import { isOnlyEmoji, textNodes } from "../text.js";
import { dateOf, day, dayName, fullTime, shortTime, time } from "../time.js";
import { avatar, botMark, names, plural } from "./parts.js";
import { answeredLine, answeredWords } from "./replying.js";
import { signs } from "./signs.js";

/** Messages of one author within so long are one group. */
const GROUP = 5 * 60_000;

/** Everything a row's look depends on, as a string that changes with it. */
export function lookOf(item, before, { divider, state, me }) {
  return [
    !before || day(before.at) !== day(item.at) ? `day${day(Date.now())}` : "",
    isGrouped(item, before) ? "grouped" : "",
    isFirstNew(item, before, divider) ? "new" : "",
    item.status ?? "", item.words ?? "", item.version ?? "", item.reply ? answeredWords(item, state) : "", item.from ? state.isIgnored(item.from) && !item.shown : "", me,
  ].join();
}

function isGrouped(item, before) {
  return Boolean(
    !item.reply && item.kind !== "action" && before?.kind !== "action" && item.body !== undefined && before?.body !== undefined && item.from === before.from &&
      item.at - before.at < GROUP && day(item.at) === day(before.at),
  );
}

function isFirstNew(item, before, divider) {
  const isNew = (one) => Boolean(one?.id) && compareIds(one.id, divider) > 0;
  return Boolean(divider) && isNew(item) && !isNew(before);
}

/** The element for an item after `before`. */
export function row(item, before, context) {
  const lines = [];
  if (!before || day(before.at) !== day(item.at)) {
    lines.push(h("div", { class: "day", role: "separator", "aria-label": dayName(item.at) }, h("span", { data: { paper: dateOf(item.at) } }, dayName(item.at))));
  }
  const isNew = isFirstNew(item, before, context.divider);
  if (isNew) lines.push(h("div", { class: "new-line", role: "separator", "aria-label": "New messages" }, h("span", {}, "New")));
  const content = item.notice ? notice(item) : message(item, isGrouped(item, before) && !isNew, context);
  return h("div", { class: "entry" }, lines, content);
}

function message(item, grouped, context) {
  const { state } = context;
  if (state.isIgnored(item.from) && !item.shown) {
    return h("div", { class: "row hidden-row", tabindex: "-1" },
      h("p", {}, `A message from ${item.from}, whom you ignore. `,
        h("button", { type: "button", class: "link", data: { reveal: "1" } }, "Show it")));
  }
  const isAction = item.kind === "action";
  const classes = ["row"];
  if (item.kind) classes.push(item.kind);
  if (grouped) classes.push("grouped");
  if (item.status) classes.push(item.status);
  if (!state.isMe(item.from) && state.mentionsMe(item.body)) classes.push("to-me");
  const moment = h("time", { datetime: new Date(item.at).toISOString(), title: fullTime(item.at) }, grouped ? shortTime(item.at) : time(item.at));
  const edited = item.editedAt > 0 && h("small", { class: "edited", dir: "ltr", title: `Edited ${fullTime(item.editedAt)}` }, "(edited)");
  const isAmended = edited && !isAction;
  const text = h("div", { class: isOnlyEmoji(item.body) && !isAction ? "text large" : "text", ...(isAmended ? {} : { dir: "auto" }) },
    textNodes(item.body, (name) => state.isMe(name)));
  // What is done reads as one sentence: its author, and then the rest.
  const author = h("button", { type: "button", class: "author", tabindex: "-1", data: { user: item.from }, "aria-haspopup": "menu" }, item.from);
  return h("article", { class: classes.join(" "), tabindex: "-1", "aria-label": `${item.from}, ${time(item.at)}` },
    h("div", { class: "gutter" }, grouped ? moment : avatar(item.from)),
    h("div", { class: "content" },
      !grouped && !isAction && h("div", { class: "by" }, author, item.bot && botMark(), moment),
      item.reply && answeredLine(item, state),
      isAction ? h("div", { class: "deed" }, author, item.bot && [" ", botMark()], " ", text, " ", moment, edited && [" ", edited])
        // What is written from right to left is followed on its left.
        : isAmended ? h("div", { class: "amended", dir: "auto" }, text, " ", edited) : text,
      signs(item, context),
      item.status === "failed" && failed(item)),
    item.status ? mark(item) : h("div", { class: "at-hand" },
      handle("more", "more", "Message actions", { "aria-haspopup": "menu", data: { actions: "1" } })));
}

const handle = (kind, picture, label, more) =>
  h("button", { type: "button", class: `icon-button ${kind}`, tabindex: "-1", "aria-label": label, title: label, ...more }, icon(picture));

/** Puts what is done most often with a message beside the button for its menu. Where the mouse or the focus is: in
 * every row of a busy room it would take too long. */
export function putAtHand(row, item, state) {
  const box = row.querySelector(".at-hand");
  if (!box || box.childElementCount > 1 || !state.active?.isKept(item)) return;
  box.prepend(
    handle("react", "smile", "React…", { "aria-haspopup": "dialog", "aria-expanded": "false", data: { react: "1" } }),
    handle("reply", "reply", "Reply", { data: { reply: "1" } }));
}

function mark({ status }) {
  if (status === "failed") return null;
  const words = status === "waiting" ? "Waiting for the connection" : "Sending";
  return h("span", { class: "mark", title: words }, icon("clock"), h("span", { class: "unseen" }, words));
}

function failed(item) {
  return h("p", { class: "failure" },
    icon("warn"), h("span", {}, `Not sent: ${item.words}`),
    h("button", { type: "button", class: "link", data: { retry: item.tag } }, "Try again"),
    h("button", { type: "button", class: "link", data: { discard: item.tag } }, "Discard"));
}

function notice(item) {
  return h("p", { class: "row notice", tabindex: "-1" },
    h("span", {}, noticeWords(item)), " ", h("time", { title: fullTime(item.at) }, time(item.at)));
}

function noticeWords(item) {
  if (item.notice === "renamed") return `${item.from} is now ${item.to}`;
  if (item.notice === "counted") return `${plural(item.joined, "person", "people")} joined, ${item.left} left`;
  if (item.notice === "words") return item.text;
  if (item.notice === "gone") return `A message by ${item.from} was deleted`;
  const [came, went] = [1, -1].map((step) =>
    [...item.moves].filter(([, move]) => move === step).map(([name]) => name));
  const parts = [];
  if (came.length > 0) parts.push(`${names(came, 5)} joined`);
  if (went.length > 0) parts.push(`${names(went, 5)} left`);
  return parts.join(" · ");
}
