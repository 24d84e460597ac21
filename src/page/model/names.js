// Compares names nearly as the server does, which also knows look-alikes.

/** What names are made of after their first letter: letters and their marks,
 * digits, `_` and `-`. The server knows exactly. */
export const IN_NAME = "[\\p{L}\\p{M}\\p{N}_-]";

const NAME = new RegExp(`^[\\p{L}_]${IN_NAME}*$`, "u");

/** Whether it can be a name, or begin one. */
export const isName = (text) => NAME.test(text);

export const fold = (name) => name.normalize("NFKC").toLowerCase();

export const sameName = (one, other) => fold(one) === fold(other);

/** The hue of a name's colour, in degrees; always the same. */
export function hue(name) {
  let sum = 0x811c9dc5;
  for (const letter of fold(name)) sum = Math.imul(sum ^ letter.codePointAt(0), 0x01000193) >>> 0;
  return (((sum ^ (sum >>> 15)) >>> 0) % 18) * 20;
}

/** One or two letters that stand for a name. */
export function initials(name) {
  const words = name.split(/[_-]+/).filter(Boolean);
  const letters = words.length > 1 ? words.slice(0, 2).map(firstLetter) : [firstLetter(name)];
  return letters.join("").toUpperCase();
}

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
/** With its marks. */
const firstLetter = (word) => graphemes.segment(word)[Symbol.iterator]().next().value?.segment ?? "";

export const byName = (one, other) => fold(one).localeCompare(fold(other));
