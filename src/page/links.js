// Web and mail addresses in a text: where they begin and end, where they lead, and which of them look
// as if they led elsewhere.

/** Signs of sentences, which no address contains: quotes, and Chinese and Japanese punctuation. */
const SIGNS = "\\u2018-\\u201f\\u2026\\u2039\\u203a\\u00ab\\u00bb\\u3000-\\u303f\\uff01-\\uff0f\\uff1a-\\uff20\\uff3b-\\uff40\\uff5b-\\uff65";
const REST = `[^\\s<>"${SIGNS}]`;
/** Patterns with the names that `linkAt` knows. */
export const LINKS = [
  `(?<link>[hH][tT][tT][pP][sS]?:\\/\\/${REST}+)`,
  `(?<![\\p{L}\\p{M}\\p{N}_.@/-])(?<bare>[wW]{3}\\.[\\p{L}\\p{N}]${REST}*\\.${REST}+)`,
  "(?<![\\p{L}\\p{M}\\p{N}_.@/+-])(?<mail>[\\p{L}\\p{N}_+-](?:[\\p{L}\\p{N}_.+-]{0,62}[\\p{L}\\p{N}_+-])?@(?:[\\p{L}\\p{N}](?:[\\p{L}\\p{N}-]{0,61}[\\p{L}\\p{N}])?\\.)+\\p{L}{2,24})(?![\\p{L}\\p{M}\\p{N}])",
];
/** What a sentence, not an address, ends with. */
const TRAIL = /[.,;:!?'*_~]+$/;

/** The address in a match of one of the patterns: the `text` of it, where it leads (`href`), and `host` if
 * the text gives another impression of that. Null if it is none after all. */
export function linkAt({ link, bare, mail }) {
  const text = mail ?? trimmed(link ?? bare);
  const url = parse(mail ? `mailto:${mail}` : link ? text : secure(text));
  if (!url || (!mail && !url.hostname)) return null;
  return { text, href: url.href, host: mail ? foreign(mail.split("@")[1]) : misleading(text, url) };
}

const secure = (address) => `https:${"//"}${address}`;

function parse(address) {
  try {
    return new URL(address);
  } catch {
    return null;
  }
}

/** The host of a web address if it is not plain to see: after a user name, in another spelling, or in
 * letters that imitate others. */
function misleading(text, { hostname, username, password }) {
  const [authority] = text.replace(/^\w+:\/\//, "").split(/[/?#\\]/);
  const written = authority.split("@").at(-1).replace(/:\d*$/, "").toLowerCase();
  if (username || password || authority.includes("@")) return hostname;
  if (written === hostname) return "";
  const isNamed = parse(secure(written))?.hostname === hostname && hostname.includes("xn--");
  return isNamed && isHonest(written) ? "" : hostname;
}

const foreign = (host) => (/^[\x21-\x7e]+$/.test(host) || isHonest(host) ? "" : parse(secure(host))?.hostname ?? "");

const EAST = /^[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\p{scx=Bopo}\p{N}-]+$/u;
/** Letters with marks as European languages have them, but for the dotless i. */
const WEST = /^[a-z0-9\u00df-\u0130\u0132-\u017f-]+$/;

/** Whether each part of a host is in letters that no one takes for others: Latin ones, those of East Asia,
 * or one other script if the host ends in it, too. */
function isHonest(host) {
  const parts = host.toLowerCase().split(".");
  const end = scriptOf(parts.at(-1));
  return parts.every((part) => WEST.test(part) || EAST.test(part) || (end && end === scriptOf(part)));
}

const SCRIPTS = ["Cyrl", "Grek", "Arab", "Hebr", "Thai", "Deva", "Armn", "Geor"]
  .map((name) => [name, new RegExp(`^[\\p{scx=${name}}\\p{N}-]+$`, "u")]);

const scriptOf = (part) => SCRIPTS.find(([, pattern]) => pattern.test(part))?.[0];

/** An address without what belongs to the sentence around it. */
function trimmed(link) {
  for (;;) {
    const shorter = link.replace(TRAIL, "");
    const last = shorter.at(-1);
    const opening = { ")": "(", "]": "[", "}": "{" }[last];
    const isUneven = opening && count(shorter, last) > count(shorter, opening);
    const next = isUneven ? shorter.slice(0, -1) : shorter;
    if (next === link) return link;
    link = next;
  }
}

const count = (text, letter) => text.split(letter).length - 1;
