// The administrators' sign-in form.

import { h } from "../../../client/lib/dom.js";
import { at } from "../../../client/lib/place.js";
import { inWords, Refused } from "../model/api.js";

export function signIn(root, api, enter, words = "") {
  const input = h("input", {
    id: "token", name: "token", type: "password", class: "input", required: true, autocomplete: "current-password",
    spellcheck: "false", autocapitalize: "none", "aria-describedby": "token-hint token-mistake",
  });
  const mistake = h("p", { class: "mistake", id: "token-mistake", role: "alert" });
  const button = h("button", { type: "submit", class: "button primary" }, "Sign in");
  const refuse = (words) => {
    mistake.textContent = words;
    input.setAttribute("aria-invalid", "true");
    input.focus();
    input.select();
  };
  const submit = async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    if (input.value.trim() === "") return refuse("The token is needed.");
    button.disabled = true;
    try {
      await api.signIn(input.value.trim());
      enter();
    } catch (error) {
      refuse(error instanceof Refused && error.status === 401
        ? "That is not the admin token. It may have been changed: look at the file again."
        : inWords(error));
    } finally {
      button.disabled = false;
    }
  };
  root.replaceChildren(h("div", { class: "card" },
    h("img", { src: at("/client/icon.svg"), alt: "", width: "40", height: "40" }),
    h("h1", {}, "Administration"),
    h("p", { class: "notice-box", role: "status" }, words),
    h("form", { novalidate: true, on: { submit } },
      h("div", { class: "field" },
        h("label", { for: "token" }, "Admin token"),
        input,
        mistake,
        h("p", { class: "hint", id: "token-hint" }, "It is in the file that the server names at its start, usually ", h("code", {}, "data/admin-token"), " on the server's machine."),
      ),
      button,
    ),
    h("p", { class: "foot" }, "Kept for this tab, until you sign out or close it."),
  ));
  input.focus();
}
