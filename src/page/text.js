// Turns a message's text into nodes: links, names, rooms, code, emphasis and quotes become elements,
// everything else is text. Never markup.

import { h } from "./lib/dom.js";
import { LINKS, linkAt } from "./links.js";
import { IN_NAME } from "./model/names.js";

const FENCE = /```(?:[\w+-]*\n)?([\s\S]*?)```/g;
/** The elements for words between two equal marks. */
const EMPHASIS = { "**": "strong", "*": "em", "_": "em", "~~": "s" };
const NAME = `[\\p{L}_]${IN_NAME}{0,31}`;
const INLINE = new RegExp(
  [
    "`(?<code>[^`\\n]+)`",
    ...LINKS,
    `(?<![\\p{L}\\p{M}\\p{N}_])@(?<name>${NAME})`,
    `(?<![\\p{L}\\p{M}\\p{N}_&/])#(?<room>${NAME})`,
    // Around whole words of one line only: 2*3*4, snake_case_names and *.rs files stay what they are.
    "(?<=^|[\\s(\\[{\"'“‘„«—])(?<mark>\\*\\*|~~|[*_])(?!\\s|\\k<mark>)(?<stressed>[^\\n]{1,500}?)(?<!\\s|\\k<mark>)\\k<mark>(?=$|[\\s)\\]}\"'”’“»—.,;:!?…])",
  ].join("|"),
  "gu",
);
const ONLY_EMOJI = /^(?:\p{Extended_Pictographic}(?:\uFE0F|\p{EMod}|\u200D\p{Extended_Pictographic}\uFE0F?)*|\p{RI}\p{RI}|\s)+$/u;

/** The nodes for a text. `isMe` says whether a name is ours. */
export function textNodes(body, isMe) {
  const nodes = [];
  let end = 0;
  for (const match of body.matchAll(FENCE)) {
    if (match[1].trim() === "") continue;
    nodes.push(...lines(body.slice(end, match.index), isMe));
    nodes.push(h("pre", { tabindex: "0" }, h("code", {}, match[1].replace(/\n$/, ""))));
    end = match.index + match[0].length;
  }
  nodes.push(...lines(body.slice(end), isMe));
  return nodes;
}

/** Whether a text is a few emoji and nothing else: those are shown large. */
export function isOnlyEmoji(body) {
  return body.length <= 24 && ONLY_EMOJI.test(body);
}

function lines(text, isMe) {
  const nodes = [];
  let plain = [];
  let quoted = [];
  const flushPlain = () => {
    if (plain.length > 0 && plain.some((line) => line !== "")) nodes.push(...inline(plain.join("\n"), isMe));
    plain = [];
  };
  const flushQuoted = () => {
    if (quoted.length > 0) nodes.push(h("blockquote", {}, inline(quoted.join("\n"), isMe)));
    quoted = [];
  };
  for (const line of text.replace(/^\n|\n$/g, "").split("\n")) {
    if (line.startsWith("> ")) {
      flushPlain();
      quoted.push(line.slice(2));
    } else {
      flushQuoted();
      plain.push(line);
    }
  }
  flushPlain();
  flushQuoted();
  return nodes;
}

function inline(text, isMe) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    const [node, length] = piece(match, isMe);
    if (!node) continue;
    if (match.index > end) nodes.push(text.slice(end, match.index));
    nodes.push(node);
    end = match.index + length;
  }
  if (end < text.length) nodes.push(text.slice(end));
  return nodes;
}

function piece({ 0: whole, groups }, isMe) {
  if (groups.code) return [h("code", {}, groups.code), whole.length];
  if (groups.mark) return [h(EMPHASIS[groups.mark], {}, inline(groups.stressed, isMe)), whole.length];
  if (groups.name) {
    return [pressable(whole, isMe(groups.name) ? "name me" : "name", { user: groups.name }), whole.length];
  }
  if (groups.room) {
    return [pressable(whole, "name", { room: groups.room }), whole.length];
  }
  const link = linkAt(groups);
  if (!link) return [null, 0];
  const { text, href, host } = link;
  const title = host ? `Leads to ${host}` : null;
  const anchor = h("a", { href, target: groups.mail ? null : "_blank", rel: "noopener noreferrer nofollow", title },
    text, host && h("span", { class: "leads-to" }, ` [${host}]`));
  return [anchor, text.length];
}

/** A button that flows with the text, as real ones do not. */
function pressable(text, kind, data) {
  return h("span", { role: "button", tabindex: "-1", class: kind, data }, text);
}

/** Nodes of a text in which some words are marked. */
export function marked(text, words) {
  const wanted = words.split(/\s+/).map((word) => word.replace(/[^\p{L}\p{M}\p{N}]/gu, "")).filter(Boolean);
  if (wanted.length === 0) return [text];
  const pattern = new RegExp(`(${wanted.join("|")})`, "giu");
  return text.split(pattern).map((part, index) => (index % 2 === 1 ? h("mark", {}, part) : part));
}
