// Names as the server compares them, nearly: it also knows lookalikes.

export const fold = (name) => name.normalize("NFKC").toLowerCase();

export const sameName = (one, other) => fold(one) === fold(other);

/** One of eight tints for somebody, always the same. */
export function tint(name) {
  let sum = 7;
  for (const letter of fold(name)) sum = (sum * 31 + letter.codePointAt(0)) >>> 0;
  return sum % 8;
}

/** One or two letters that stand for a name. */
export function initials(name) {
  const words = name.split(/[_-]+/).filter(Boolean);
  const letters = words.length > 1 ? words.slice(0, 2).map((word) => [...word][0]) : [...name].slice(0, 1);
  return letters.join("").toUpperCase();
}

export const byName = (one, other) => fold(one).localeCompare(fold(other));
