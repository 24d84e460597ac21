// Secrets that are shown once.

import { h } from "../../../client/lib/dom.js";
import { inform, tell } from "./dialog.js";

/** Shows secrets, each with its name, such as "token"; they can be copied. */
export function showSecrets(title, words, secrets) {
  inform(title, h("p", { class: "words" }, words),
    ...secrets.flatMap(({ name, secret, hint }) => [h("p", { class: "hint" }, hint ?? ""), shown(name, secret)]));
}

function shown(name, secret) {
  const field = h("input", { class: "input", type: "text", readonly: true, value: secret, "aria-label": `The ${name}`, on: { focus: (event) => event.target.select() } });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(secret);
      tell(`The ${name} is copied.`);
    } catch {
      // Without TLS, browsers have no clipboard for pages.
      field.focus();
      tell(`Copy the selected ${name}.`);
    }
  };
  return h("div", {}, field, h("p", {}, h("button", { type: "button", class: "button", on: { click: copy } }, `Copy the ${name}`)));
}
