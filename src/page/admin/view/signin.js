// The administrators' sign-in forms: the admin token, or the name and password of an account that has a
// role.

import { h } from "../../../client/lib/dom.js";
import { at } from "../../../client/lib/place.js";
import { inWords, Refused } from "../model/api.js";

export function signIn(root, api, enter, words = "") {
  const token = input("token", { type: "password", autocomplete: "off", "aria-describedby": "token-hint token-mistake" });
  const name = input("nickname", { type: "text", autocomplete: "username" });
  const password = input("password", { type: "password", autocomplete: "current-password", "aria-describedby": "account-mistake" });
  const byToken = form("Sign in", "token-mistake", [
    h("div", { class: "field" }, h("label", { for: "token" }, "Admin token"), token,
      h("p", { class: "hint", id: "token-hint" }, "It is in the file that the server names at its start, usually ", h("code", {}, "data/admin-token"), " on the server's machine.")),
  ], async (refuse) => {
    if (token.value.trim() === "") return refuse("The token is needed.", token);
    try {
      await api.signIn(token.value.trim());
      enter();
    } catch (error) {
      refuse(isWrong(error) ? "That is not the admin token. It may have been changed: look at the file again." : inWords(error), token);
    }
  });
  const byAccount = form("Log in", "account-mistake", [
    h("div", { class: "field" }, h("label", { for: "nickname" }, "Name"), name),
    h("div", { class: "field" }, h("label", { for: "password" }, "Password"), password),
  ], async (refuse) => {
    if (name.value.trim() === "") return refuse("The name is needed.", name);
    if (password.value === "") return refuse("The password is needed.", password);
    try {
      await api.signInAs(name.value.trim(), password.value);
      enter();
    } catch (error) {
      refuse(inWords(error), isWrong(error) ? password : name);
    }
  });
  const byProxy = h("div", { hidden: true });
  showProxy(byProxy, api, enter);
  root.replaceChildren(h("div", { class: "card" },
    h("img", { src: at("/client/icon.svg"), alt: "", width: "40", height: "40" }),
    h("h1", {}, "Administration"),
    h("p", { class: "notice-box", role: "status" }, words),
    byProxy,
    byToken,
    h("h2", { class: "other-way" }, "Or with your account"),
    byAccount,
    h("p", { class: "foot" }, "Kept for this tab, until you sign out or close it."),
  ));
  token.focus();
}

/** Offers to go on as the one whom a proxy names. */
async function showProxy(place, api, enter) {
  const name = await api.namedByProxy();
  if (name === null) return;
  place.append(form(`Continue as ${name}`, "proxy-mistake", [], async (refuse) => {
    try {
      await api.signInByProxy();
      enter();
    } catch (error) {
      refuse(inWords(error), null);
    }
  }), h("h2", { class: "other-way" }, "Or with the token"));
  place.hidden = false;
}

const isWrong = (error) => error instanceof Refused && error.status === 401;

const input = (name, properties) => h("input", { id: name, name, class: "input", required: true, spellcheck: "false", autocapitalize: "none", ...properties });

/** A form with a place for what is wrong. `run` gets the function that says it. */
function form(action, mistakeId, fields, run) {
  const mistake = h("p", { class: "mistake", id: mistakeId });
  const button = h("button", { type: "submit", class: "button primary" }, action);
  const refuse = (words, field) => {
    mistake.setAttribute("role", "alert");
    mistake.textContent = words;
    field?.setAttribute("aria-invalid", "true");
    field?.focus();
    field?.select();
  };
  const submit = async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    mistake.textContent = "";
    mistake.removeAttribute("role");
    for (const field of event.currentTarget.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
    try {
      await run(refuse);
    } finally {
      button.disabled = false;
    }
  };
  return h("form", { novalidate: true, on: { submit } }, ...fields, mistake, button);
}
