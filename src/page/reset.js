// A new password, with the link that an administrator has made. Its secret stands behind the `#` of the
// address, which browsers keep to themselves.

import { byId, h } from "./lib/dom.js";
import { at } from "./lib/place.js";
import { sentence } from "./lib/sentence.js";

const PATIENCE = 30_000;
const root = byId("reset");

async function ask(request = {}) {
  const headers = { Authorization: `Bearer ${location.hash.slice(1)}` };
  let response;
  try {
    response = await fetch(at("/auth/reset"), { ...request, headers, cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  } catch {
    return { ok: false, status: 0, words: "The server cannot be reached. Is the network there?" };
  }
  const body = await response.json().catch(() => ({}));
  return { ok: response.ok, status: response.status, nickname: body.nickname, words: inWords(body.error?.message ?? "", response.status) };
}

// The name of the field stands before what is wrong with it.
const inWords = (words, status) =>
  sentence(words.replace(/^password: /, "the password ")) || `The server answered with an error (${status}). Please try again.`;

const toTheChat = () => h("a", { class: "button primary", href: at("/client") }, "To the chat");

function show(words, ...more) {
  root.replaceChildren(h("div", { class: "way" }, h("p", { class: "hint", tabindex: "-1" }, words), ...more));
  root.querySelector("[tabindex]").focus();
}

async function begin() {
  const { ok, status, nickname, words } = await ask();
  if (ok) form(nickname);
  else if (status === 401 || status === 403) show(words, toTheChat());
  else show(words, h("button", { type: "button", class: "button primary", on: { click: begin } }, "Try again"));
}

function form(nickname) {
  const why = h("p", { id: "why", class: "hint why" }, "At least 8 characters.");
  const password = h("input", { id: "password", name: "password", type: "password", class: "input", autocomplete: "new-password", required: true, maxlength: "256", "aria-describedby": "why" });
  const submit = h("button", { type: "submit", class: "button primary" }, "Set the password");
  const mistake = (words) => {
    why.textContent = words;
    why.className = "mistake why";
    password.setAttribute("aria-invalid", "true");
    password.focus();
  };
  const send = async (event) => {
    event.preventDefault();
    if (submit.disabled) return;
    if (password.value === "") return mistake("This is needed.");
    submit.disabled = true;
    const { ok, status, words } = await ask({ method: "POST", body: new URLSearchParams({ password: password.value }) });
    submit.disabled = false;
    if (ok) done(nickname);
    else if (status === 401) show(words, toTheChat());
    else mistake(words);
  };
  root.replaceChildren(h("form", { class: "way", novalidate: true, on: { submit: send } },
    h("p", { class: "hint" }, "For the account ", h("strong", {}, nickname), ". Wherever it is signed in now, it is signed out."),
    // Password managers keep the password for this name.
    h("input", { type: "hidden", name: "username", autocomplete: "username", value: nickname }),
    h("div", { class: "fields" }, h("div", { class: "field" }, h("label", { for: "password" }, "New password"), password, why)),
    submit));
  password.focus();
}

function done(nickname) {
  history.replaceState(null, "", location.pathname);
  show(`The password of ${nickname} is set. The link cannot be used again.`, toTheChat());
}

addEventListener("hashchange", () => begin());
begin();
