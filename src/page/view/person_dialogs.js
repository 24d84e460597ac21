// The dialogs about a person: removing, banning and muting, inviting, and the card that says who
// they are. Loaded when one is opened.

import { h } from "../lib/dom.js";
import { EVERYONE } from "../model/chat.js";
import { fold } from "../model/names.js";
import { fullTime } from "../time.js";
import { openDialog, title, wordsBox } from "./dialog.js";

/** How long a ban or mute lasts, in minutes; 0 is for ever. */
const DURATIONS = [[10, "10 minutes"], [60, "an hour"], [24 * 60, "a day"], [7 * 24 * 60, "a week"], [0, "until it is lifted"]];
const LONGEST_REASON = 300;
/** Names of people that are at hand at most. */
const MOST_KNOWN = 500;

const AGAINST = {
  kick: { title: (name) => `Remove ${name}`, does: (name, room) => `${name} is taken out of ${room}, and may join again if the rules allow it.`, action: "Remove" },
  ban: { title: (name) => `Ban ${name}`, does: (name, room) => `${name} is taken out of ${room} and cannot join again, also under another name.`, action: "Ban" },
  mute: { title: (name) => `Mute ${name}`, does: (name, room) => `${name} stays in ${room}, but cannot write.`, action: "Mute" },
};

/** Asks for how long, and why. `what` is `kick`, `ban` or `mute`. */
export function openAgainst(app, { room, name, what }) {
  const { governance } = app.chat;
  const words = AGAINST[what];
  const length = h("select", { id: "against-length", class: "input" }, DURATIONS.map(([minutes, label]) => h("option", { value: String(minutes) }, label)));
  length.value = "60";
  const reason = h("input", { id: "against-reason", class: "input", maxlength: String(LONGEST_REASON), autocomplete: "off" });
  const dialog = openDialog(words.title(name), title(words.title(name), () => dialog.close()),
    h("form", { class: "dialog-fields", on: {
      submit: (event) => {
        event.preventDefault();
        const why = reason.value.trim();
        const sent = what === "kick"
          ? governance.kick(room, name, why)
          : governance.ban(room, name, { minutes: Number(length.value), reason: why, mute: what === "mute" });
        if (sent) dialog.close();
      },
    } },
    h("p", { class: "hint" }, words.does(name, room.title)),
    what !== "kick" && h("div", { class: "field" }, h("label", { for: "against-length" }, "For how long"), length),
    h("div", { class: "field" }, h("label", { for: "against-reason" }, "Why (they and the room see it; may be empty)"), reason),
    h("div", { class: "dialog-buttons" },
      h("button", { type: "button", class: "button", on: { click: () => dialog.close() } }, "Cancel"),
      h("button", { type: "submit", class: "button danger" }, words.action))));
  (what === "kick" ? reason : length).focus();
}

/** Asks whom to invite. The names of those who are known and not in the room are at hand. */
export function openInvite(app, room) {
  const { state, chat } = app;
  const heading = `Invite to ${room.title}`;
  const input = h("input", { id: "invite-whom", class: "input", list: "invite-known", maxlength: "33", autocapitalize: "none", spellcheck: "false", autocomplete: "off", on: {
    input: () => {
      const everyone = state.find("room", EVERYONE);
      if (everyone) chat.findMembers(everyone, nameIn(input));
    },
  } });
  const known = h("datalist", { id: "invite-known" });
  const paint = () => {
    const others = state.people.filter((name) => !room.members.has(fold(name)) && !state.isMe(name));
    known.replaceChildren(...others.slice(0, MOST_KNOWN).map((name) => h("option", { value: name })));
  };
  const words = wordsBox();
  const dialog = openDialog(heading, title(heading, () => dialog.close()), words,
    h("form", { class: "dialog-fields", on: {
      submit: (event) => {
        event.preventDefault();
        words.textContent = "";
        const name = nameIn(input);
        if (name) chat.governance.invite(room, name);
      },
    } },
    h("div", { class: "field" }, h("label", { for: "invite-whom" }, "Nickname of someone who is online"), input, known),
    h("p", { class: "hint" }, "Others can be given ", h("button", { type: "button", class: "link", on: {
      click: () => {
        dialog.close();
        app.open("settings", room);
      },
    } }, "an invitation link"), "."),
    h("div", { class: "dialog-buttons" },
      h("button", { type: "button", class: "button", on: { click: () => dialog.close() } }, "Close"),
      h("button", { type: "submit", class: "button primary" }, "Invite"))));
  const stops = [state.on("inviteSent", () => dialog.close()), state.on("members", paint)];
  dialog.addEventListener("close", () => stops.forEach((stop) => stop()));
  paint();
  input.focus();
}

const nameIn = (input) => input.value.trim().replace(/^@/, "");

/** Who someone is, as the server answers. */
export function openCard(app, name) {
  const { state, chat } = app;
  const list = h("dl", { class: "facts", "aria-busy": "true" });
  const words = wordsBox();
  const dialog = openDialog(`About ${name}`, title(name, () => dialog.close()), words, list);
  const stop = state.on("person", (person) => {
    list.removeAttribute("aria-busy");
    list.replaceChildren(...facts(person).map(([what, is]) => h("div", {}, h("dt", {}, what), h("dd", {}, is))));
  });
  dialog.addEventListener("close", stop);
  chat.governance.askUser(name);
}

function facts({ account, bot, online, away, since, idle, rooms, roles }) {
  const all = [
    bot && ["Bot", "a program"],
    ["Account", account ? (account === true ? "yes" : account) : "a guest, without an account"],
    away && ["Away", away === true ? "yes" : away],
    since && ["Here since", fullTime(Date.parse(since))],
    idle !== undefined && idle !== null && ["Last wrote", ago(idle)],
    online === false && ["Online", "no"],
    rooms?.length > 0 && ["Rooms", rooms.map((room) => `#${room.name ?? room}${role(room.role ?? roles?.[room.name ?? room])}`).join(", ")],
  ];
  return all.filter(Boolean);
}

const role = (word) => (word ? ` (${word})` : "");

function ago(seconds) {
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return `${Math.floor(seconds / 3600)} h ago`;
}
