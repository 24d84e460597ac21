// The dialog with the rules of a room: switches, key, limit and slow mode, the bans, invitation
// links, and the registration. People without the right to change something read it.

import { h } from "../lib/dom.js";
import { rights, SWITCHES } from "../model/rules.js";
import { openDialog, section, title, wordsBox } from "./dialog.js";
import { bans, links } from "./room_lists.js";

/** Seconds between two messages of one person. */
const SLOW = [[0, "off"], [5, "5 seconds"], [10, "10 seconds"], [30, "30 seconds"], [60, "a minute"], [300, "5 minutes"], [3600, "an hour"]];
const MOST_PEOPLE = 100_000;

export function openSettings(app, room) {
  const { state, chat } = app;
  const { governance } = chat;
  const body = h("div", { class: "settings", tabindex: "-1" });
  const words = wordsBox();
  const heading = `Settings of ${room.title}`;
  const dialog = openDialog(heading, title(heading, () => dialog.close()), words, body);
  dialog.classList.add("wide");
  const parts = [];
  let shape = "";

  /** The parts are made once and updated afterwards, so that what is being typed and the focus stay. */
  const paint = () => {
    if (!room.joined) return dialog.close();
    const may = rights(state, room);
    const wanted = JSON.stringify([Boolean(room.rules), may]);
    if (wanted !== shape) {
      shape = wanted;
      // Also when the user becomes an operator while this is open.
      if (room.rules && may.operate) governance.askLists(room);
      parts.splice(0, parts.length, ...make(app, room, may));
      body.replaceChildren(...parts.map((part) => part.element));
      if (!dialog.contains(document.activeElement)) dialog.focus();
    }
    for (const part of parts) part.update();
  };
  const stop = state.on("governed", (changed) => {
    if (changed !== room) return;
    words.textContent = "";
    paint();
  });
  // A switch that was refused goes back.
  const stopRefused = state.on("refused", () => parts.forEach((part) => part.update()));
  dialog.addEventListener("close", () => {
    stop();
    stopRefused();
  });
  room.rulesAsked = false;
  governance.askRules(room);
  paint();
  dialog.focus();
}

function make(app, room, may) {
  if (!room.rules) return [{ element: h("p", { class: "hint" }, "Asking for the rules…"), update() {} }];
  const { operate } = may;
  return [
    section("Rules", operate ? "" : "Only operators change them.", [...SWITCHES.map((one) => toggle(app, room, one, operate)), ...values(app, room, may)]),
    ...(operate ? [bans(app, room), links(app, room)] : []),
    registration(app, room, may),
  ];
}

/** A rule that is on or off. */
function toggle(app, room, [rule, label, sentence], operate) {
  const id = `rule-${rule}`;
  const input = h("input", { type: "checkbox", role: "switch", id, disabled: !operate, "aria-describedby": `${id}-means`, on: {
    change: () => app.chat.governance.setRule(room, rule, input.checked),
  } });
  const update = () => {
    input.checked = room.rules.flags.has(rule);
  };
  return { element: h("div", { class: "rule" }, input, h("label", { for: id }, label), h("p", { id: `${id}-means` }, sentence)), update };
}

function values(app, room, { operate, history }) {
  const { governance } = app.chat;
  const set = (rule) => (value) => governance.setRule(room, rule, value);
  return [
    typed({
      id: "key", label: "Key", hint: "People without an invitation need it to join. Up to 23 letters, digits and signs.", disabled: !operate,
      input: { maxlength: "23", autocomplete: "off", autocapitalize: "none", spellcheck: "false" },
      read: () => room.rules.key ?? "", write: (text) => set("key")(text === "" ? null : text),
    }),
    typed({
      id: "limit", label: "Most people", hint: "Empty: any number.", disabled: !operate,
      input: { type: "number", min: "1", max: String(MOST_PEOPLE), inputmode: "numeric" },
      read: () => String(room.rules.limit ?? ""), write: (text) => set("limit")(text === "" ? null : Number(text)),
    }),
    choice({
      id: "slow", label: "Slow mode", hint: "One message of each person in this time. Not for those with a role.", disabled: !operate,
      options: SLOW, read: () => room.rules.slow, write: (value) => set("slow")(Number(value)),
    }),
    choice({
      id: "history", label: "Who reads what was said before", hint: "Only the founder changes this.", disabled: !history,
      options: [["all", "everyone who may join"], ["since", "members read what was said since they joined"]],
      read: () => room.rules.history, write: set("history"),
    }),
  ];
}

/** A value that is typed, with a button that sets it. */
function typed({ id, label, hint, disabled, input: more, read, write }) {
  let known = null;
  const input = h("input", { id: `rule-${id}`, class: "input", disabled, "aria-describedby": `rule-${id}-hint`, ...more });
  const element = h("form", { class: "field", on: { submit: (event) => {
    event.preventDefault();
    if (input.value.trim() !== read()) write(input.value.trim());
  } } },
  h("label", { for: `rule-${id}` }, label),
  h("div", { class: "with-button" }, input, !disabled && h("button", { type: "submit", class: "button", "aria-label": `Set: ${label}` }, "Set")),
  h("p", { id: `rule-${id}-hint`, class: "hint" }, hint));
  return { element, update: () => {
    // What is being typed stays until the value itself changes.
    if (read() !== known) input.value = known = read();
  } };
}

function choice({ id, label, hint, disabled, options, read, write }) {
  const select = h("select", { id: `rule-${id}`, class: "input", disabled, "aria-describedby": `rule-${id}-hint`, on: { change: () => write(select.value) } },
    options.map(([value, words]) => h("option", { value: String(value) }, words)));
  const element = h("div", { class: "field" }, h("label", { for: `rule-${id}` }, label), select, h("p", { id: `rule-${id}-hint`, class: "hint" }, hint));
  return { element, update: () => {
    const value = String(read());
    // Set by other clients to something that is not offered here.
    if (![...select.options].some((option) => option.value === value)) select.append(h("option", { value }, `${value} seconds`));
    select.value = value;
  } };
}

/** Whose room it is, and giving it away. */
function registration(app, room, may) {
  const { state, chat: { governance } } = app;
  const line = h("p", { class: "hint" });
  const buttons = h("div", { class: "dialog-buttons" });
  const to = h("input", { id: "transfer-to", class: "input", maxlength: "33", autocapitalize: "none", spellcheck: "false", autocomplete: "off" });
  const form = h("form", { class: "field", on: { submit: (event) => {
    event.preventDefault();
    const wanted = to.value.trim().replace(/^@/, "");
    if (wanted) governance.transfer(room, wanted);
  } } }, h("label", { for: "transfer-to" }, "Make another account the founder"), h("div", { class: "with-button" }, to, h("button", { type: "submit", class: "button danger" }, "Transfer")));
  const press = (label, run, danger) => h("button", { type: "button", class: danger ? "button danger" : "button primary", on: { click: run } }, label);
  const drop = () => {
    buttons.replaceChildren(
      h("p", { class: "hint" }, "Rules, roles and lists are given up. Sure?"),
      press("Give it up", () => governance.drop(room), true), press("Keep it", () => update()));
    buttons.querySelector("button").focus();
  };
  let shown = null;
  const update = () => {
    const { registered, founder } = room.rules;
    const state_ = JSON.stringify([registered, founder, may]);
    line.textContent = registered
      ? `Registered${founder ? `; the founder is ${founder}` : ""}. Rules, roles and lists stay when nobody is here.`
      : "Not registered: what is set here ends when the last person leaves.";
    if (state_ === shown && !buttons.querySelector(".hint")) return;
    shown = state_;
    buttons.replaceChildren(...[
      !registered && may.register && press("Register this room", () => governance.register(room)),
      !registered && may.operate && !state.isAccount && h("p", { class: "hint" }, "Registering it needs an account."),
      registered && may.own && press("Give up the registration…", drop, true),
    ].filter(Boolean));
    form.hidden = !registered || !may.own;
  };
  return section("Registration", "", [{ element: line, update() {} }, { element: buttons, update }, { element: form, update() {} }]);
}
