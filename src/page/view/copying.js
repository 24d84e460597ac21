// Copying from several messages gives lines that say who wrote what and when.

import { dayName, day, time } from "../time.js";

/** `box` has the entries, each with its `item`. */
export function copyReadably(box) {
  box.addEventListener("copy", (event) => {
    const selection = getSelection();
    const items = [...box.querySelectorAll(".entry")]
      .filter((entry) => selection.containsNode(entry, true) && entry.item.body !== undefined)
      .map(({ item }) => item);
    // A part of one message is copied as it is.
    if (items.length < 2) return;
    event.clipboardData.setData("text/plain", readable(items));
    event.preventDefault();
  });
}

function readable(items) {
  const lines = items.map((item, index) => {
    const isOtherDay = index > 0 && day(items[index - 1].at) !== day(item.at);
    return `${isOtherDay ? `${dayName(item.at)}\n` : ""}[${time(item.at)}] ${item.kind === "action" ? `* ${item.from} ` : `${item.from}: `}${item.body}`;
  });
  return lines.join("\n");
}
