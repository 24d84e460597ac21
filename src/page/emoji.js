// Emoji by name. The table is fetched when it is first needed.

import { asset } from "./lib/place.js";

let table = null;

async function load() {
  const response = await fetch(asset("emoji.txt"));
  const lines = (await response.text()).split("\n").filter((line) => line && !line.startsWith("#"));
  return lines.map((line) => {
    const [emoji, name, ...others] = line.split(" ");
    return { emoji, name, others };
  });
}

/** All emoji, `{emoji, name, others}`, by kinds; none if they cannot be fetched at present. */
export async function emojiTable() {
  table ??= load();
  return table.catch(() => {
    table = null;
    return [];
  });
}

/** The emoji whose name or tag begins with `start`, the best first. */
export async function searchEmoji(start, most) {
  const all = await emojiTable();
  const wanted = start.toLowerCase();
  const score = ({ name, others }) => {
    if (name === wanted) return 0;
    if (name.startsWith(wanted)) return 1;
    if (others.some((other) => other.startsWith(wanted))) return 2;
    return name.includes(wanted) ? 3 : 4;
  };
  const found = all.map((one) => [score(one), one]).filter(([score]) => score < 4);
  found.sort(([one, { name }], [other, { name: otherName }]) => one - other || name.length - otherName.length);
  return found.slice(0, most).map(([, one]) => one);
}
