// Cuts a text that is too long for one message into several. Loaded when it is needed.

/** Characters that a cut between lines or words may cost at most, as a part of a piece. */
const WORTH = 0.5;
const FENCE = /^```.*$/gm;

/** The pieces of a text, each of which `fits`. They end with a paragraph, a line or a word where there is
 * one; a block of code goes on in a block of its own. */
export function split(text, fits) {
  const pieces = [];
  let rest = text;
  while (!fits(rest)) {
    const end = cut(rest, longest(rest, fits));
    const piece = rest.slice(0, end).trimEnd();
    const fence = openFence(piece);
    pieces.push(fence ? `${piece}\n\`\`\`` : piece);
    rest = rest.slice(end).replace(/^[ \n]*\n|^ +/, "");
    if (fence) rest = `${fence}\n${rest}`;
  }
  return rest.trim() === "" ? pieces : [...pieces, rest];
}

/** How much of a text fits, with the end of a block of code after it. */
function longest(text, fits) {
  let low = 1;
  let high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (fits(`${text.slice(0, middle)}\n\`\`\``)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** A good place to end at, not after `most`. */
function cut(text, most) {
  const part = text.slice(0, most);
  for (const gap of ["\n\n", "\n", " "]) {
    const at = part.lastIndexOf(gap);
    if (at > most * WORTH) return at + gap.length;
  }
  const character = [...new Intl.Segmenter().segment(part)].at(-1);
  return character.index > 0 ? character.index : most;
}

/** The line that opened the block of code a text ends in, if it does. */
function openFence(text) {
  const fences = text.match(FENCE) ?? [];
  return fences.length % 2 === 1 ? fences.at(-1) : "";
}
