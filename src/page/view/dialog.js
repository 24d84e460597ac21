// What all dialogs are made of.

import { h, iconButton } from "../lib/dom.js";

/** Opens a dialog that is gone when it is closed. The browser keeps the focus inside, closes it
 * on Escape, and gives the focus back. */
export function openDialog(label, ...content) {
  document.querySelector("dialog")?.close();
  const dialog = h("dialog", { "aria-label": label, tabindex: "-1", on: {
    close: () => dialog.remove(),
    // A click on the backdrop.
    click: (event) => event.target === dialog && dialog.close(),
  } }, ...content.filter(Boolean));
  document.body.append(dialog);
  dialog.showModal();
  if (!dialog.querySelector("input")) dialog.focus();
  return dialog;
}

export const title = (text, close) => h("header", { class: "dialog-head" }, h("h2", {}, text), iconButton("close", "Close", close));

/** Where refusals of what a dialog has asked for are shown; see `toast` in app.js. */
export const wordsBox = () => h("p", { class: "notice-box dialog-words", role: "alert" });

/** A part of a dialog under a heading. Its parts are `{element, update}`, and so is it. */
export function section(heading, hint, parts) {
  return {
    element: h("section", {}, h("h3", {}, heading), hint && h("p", { class: "hint" }, hint), parts.map((part) => part.element)),
    update: () => parts.forEach((part) => part.update()),
  };
}
