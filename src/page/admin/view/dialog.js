// Questions before an action, and short messages after it.

import { byId, h, iconButton } from "../../../client/lib/dom.js";
import { inWords } from "../model/api.js";

let number = 0;

/** Asks before `run` does something. `run` gets the form's values; while it
 * throws, the dialog stays and says why. */
export function ask({ title, words, fields = [], action, isDangerous = false, run }) {
  const mistake = h("p", { class: "notice-box", role: "alert" });
  const submit = h("button", { type: "submit", class: `button primary ${isDangerous ? "dangerous" : ""}` }, action);
  const id = `dialog-${(number += 1)}`;
  const form = h("form", { novalidate: true, on: {
    submit: async (event) => {
      event.preventDefault();
      if (submit.disabled) return;
      submit.disabled = true;
      mistake.textContent = "";
      for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
      try {
        await run(Object.fromEntries(new FormData(form)));
        dialog.close();
      } catch (error) {
        mistake.textContent = inWords(error);
        const wrong = error.field && form.elements[error.field];
        if (wrong instanceof HTMLElement) {
          wrong.setAttribute("aria-invalid", "true");
          wrong.focus();
        }
      } finally {
        submit.disabled = false;
      }
    },
  } },
    h("div", { class: "dialog-body" }, typeof words === "string" ? h("p", { class: "words" }, words) : words, ...fields, mistake),
    h("footer", { class: "dialog-foot" }, h("button", { type: "button", class: "button", on: { click: () => dialog.close() } }, "Cancel"), submit),
  );
  const dialog = open(id, title, form);
  (form.querySelector("input, select, textarea") ?? submit).focus();
  return dialog;
}

/** Shows something, with nothing to decide. */
export function inform(title, ...content) {
  open(`dialog-${(number += 1)}`, title, h("div", { class: "dialog-body", tabindex: "0" }, ...content)).querySelector("[tabindex]").focus();
}

function open(id, title, content) {
  const dialog = h("dialog", { "aria-labelledby": id, on: {
    close: () => dialog.remove(),
    click: (event) => event.target === dialog && dialog.close(),
  } },
    h("header", { class: "dialog-head" }, h("h2", { id }, title), iconButton("close", "Close", () => dialog.close())),
    content,
  );
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

export function closeDialogs() {
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
}

/** A field with its label. */
export function field(label, input, hint) {
  input.id ||= `field-${(number += 1)}`;
  const explained = hint ? h("p", { class: "hint", id: `${input.id}-hint` }, hint) : null;
  if (explained) input.setAttribute("aria-describedby", explained.id);
  return h("div", { class: "field" }, h("label", { for: input.id }, label), input, explained);
}

export const textField = (name, properties = {}) =>
  h("input", { class: "input", type: "text", name, autocomplete: "off", spellcheck: "false", ...properties });

export function reasonField() {
  return field("Reason", textField("reason", { maxlength: "500", spellcheck: "true" }), "Shown to those it disconnects. May be left empty.");
}

/** Says that something is done. */
export function tell(words) {
  const toast = h("p", { class: "toast" }, words);
  byId("toasts").append(toast);
  setTimeout(() => toast.remove(), 6_000);
}

/** What stands where there is nothing else: loading, nothing there, a failure. */
export function stateLine(words, ...more) {
  return h("p", { class: "state" }, words, ...more);
}
