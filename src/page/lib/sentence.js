// The server's words as a sentence.

/** Begins with a capital letter and ends with a full stop, unless it ends otherwise; nothing stays nothing. */
export function sentence(words) {
  const text = words.charAt(0).toUpperCase() + words.slice(1);
  return text === "" || /[.!?…]$/.test(text) ? text : `${text}.`;
}
