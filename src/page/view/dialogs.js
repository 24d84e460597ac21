// Dialogs above everything else: jumping to a conversation, all rooms, the nickname, and the help.

import { attribute, h, icon, reconcile } from "../lib/dom.js";
import { COMMANDS } from "../commands.js";
import { byName, fold } from "../model/names.js";
import { openDialog, title, wordsBox } from "./dialog.js";
import { avatar, CONTROL } from "./parts.js";

const MOST = 30;

/** A field with a list below it, worked with the arrow keys and Enter.
 * `find` gives `{key, node, run}` for what is typed. */
function picker(label, placeholder, start, find) {
  let options = [];
  let chosen = 0;
  const list = h("ul", { id: "choices", class: "choices", role: "listbox", "aria-label": label });
  const input = h("input", {
    class: "input", type: "text", role: "combobox", placeholder, value: start, autocomplete: "off", spellcheck: "false",
    "aria-label": label, "aria-expanded": "true", "aria-controls": "choices", "aria-autocomplete": "list",
  });
  const paint = () => {
    options = find(input.value.trim()).slice(0, MOST);
    chosen = Math.min(chosen, Math.max(0, options.length - 1));
    list.replaceChildren(...options.map((option, index) => h("li", {
      id: `choice-${index}`, role: "option", on: { click: () => run(index) },
    }, option.node)));
    choose(chosen);
  };
  const choose = (index) => {
    chosen = index;
    [...list.children].forEach((element, at) => element.setAttribute("aria-selected", String(at === index)));
    if (options.length > 0) input.setAttribute("aria-activedescendant", `choice-${index}`);
    else input.removeAttribute("aria-activedescendant");
    list.children[index]?.scrollIntoView({ block: "nearest" });
  };
  const run = (index) => {
    const option = options[index];
    if (!option) return;
    input.closest("dialog").close();
    option.run();
  };
  input.addEventListener("input", () => {
    chosen = 0;
    paint();
  });
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && options.length > 0) choose((chosen + step + options.length) % options.length);
    else if (event.key === "Enter") run(chosen);
    else return;
    event.preventDefault();
  });
  return { input, list, paint };
}

const line = (picture, label, right) => [picture, h("span", { class: "label" }, label), h("span", { class: "right" }, right)];

/** Ctrl K: any room or person, by a few letters. */
export function openQuick(app, start = "") {
  const { state } = app;
  const find = (typed) => {
    const wanted = fold(typed.replace(/^[#@]/, ""));
    const matches = (name) => fold(name).includes(wanted);
    const rooms = typed.startsWith("@") ? [] : roomOptions(app, matches);
    const people = typed.startsWith("#") ? [] : peopleOptions(app, matches);
    const open = [...rooms, ...people].sort((one, other) => one.rank - other.rank || begins(other, wanted) - begins(one, wanted));
    const exact = (name) => fold(name) === wanted;
    if (wanted && !typed.startsWith("@") && !state.rooms.some(({ name }) => exact(name))) {
      open.push({ name: wanted, node: line(icon("plus"), `Create the room #${wanted}`, ""), run: () => app.chat.join(wanted) });
    }
    if (wanted && state.isAccount && !typed.startsWith("#") && !people.some(({ name }) => exact(name)) && !state.isMe(wanted)) {
      open.push({ name: wanted, node: line(icon("send"), `Write to @${wanted}`, ""), run: () => app.chat.openDirect(wanted) });
    }
    return open;
  };
  const { input, list, paint } = picker("Jump to a room or person", start === "@" ? "To whom?" : "Jump to a room or person…", start, find);
  const dialog = openDialog("Jump to", h("div", { class: "picker-head" }, icon("search"), input), list,
    h("footer", { class: "dialog-foot" }, h("kbd", { class: "key" }, "↑"), h("kbd", { class: "key" }, "↓"), " choose ", h("kbd", { class: "key" }, "Enter"), " open ", h("kbd", { class: "key" }, "Esc"), " close"));
  paint();
  app.chat.askRooms();
  input.addEventListener("input", () => {
    const typed = input.value.trim();
    if (!typed.startsWith("@")) app.chat.findRooms(typed.replace(/^#/, ""));
  });
  const stop = state.on("rooms", paint);
  dialog.addEventListener("close", stop);
  input.setSelectionRange(start.length, start.length);
}

const begins = ({ name }, wanted) => Number(fold(name).startsWith(wanted));

function roomOptions(app, matches) {
  const { state } = app;
  const names = new Map(state.rooms.map(({ name }) => [fold(name), name]));
  for (const room of state.joinedRooms) names.set(fold(room.name), room.name);
  return [...names.values()].filter(matches).sort(byName).map((name) => {
    const room = state.find("room", name);
    const count = state.rooms.find((one) => fold(one.name) === fold(name))?.members ?? room?.count ?? 0;
    return {
      name, rank: room ? (room.unread > 0 ? 0 : 1) : 2,
      node: line(icon("hash"), name, room ? (room.unread > 0 ? `${room.unread} unread` : "") : `${count} here · join`),
      run: () => (room ? app.show(room) : app.chat.join(name)),
    };
  });
}

function peopleOptions(app, matches) {
  const { state } = app;
  const known = state.people.filter((name) => matches(name) && !state.isMe(name));
  return known.map((name) => {
    const direct = state.find("direct", name);
    return {
      name, rank: direct ? (direct.unread > 0 ? 0 : 1) : 2,
      node: line(avatar(name, "small"), name, direct?.unread > 0 ? `${direct.unread} unread` : ""),
      run: () => app.chat.openDirect(name),
    };
  });
}

/** Lists all rooms, and creates new ones. */
export function openRooms(app) {
  const { state, chat } = app;
  chat.askRooms();
  const list = h("ul", { class: "all-rooms" });
  const input = h("input", {
    class: "input", type: "text", maxlength: "33", placeholder: "Find a room, or name a new one", "aria-label": "Find a room, or name a new one",
    autocomplete: "off", autocapitalize: "none", spellcheck: "false",
  });
  const create = h("button", { type: "submit", class: "button primary" }, icon("plus"), "Create");
  const wanted = () => input.value.trim().replace(/^#/, "");
  const paint = () => {
    const shown = state.rooms.filter(({ name }) => fold(name).includes(fold(wanted())));
    shown.sort((one, other) => other.members - one.members || byName(one.name, other.name));
    const exists = state.rooms.some(({ name }) => fold(name) === fold(wanted()));
    create.disabled = wanted() === "" || exists;
    if (shown.length === 0) shown.push({ none: `There is no room like “${wanted()}” yet.` });
    if (state.moreRooms) shown.push({ none: "There are more rooms than are listed: type how the name begins." });
    // A row stays while it changes: a button that is being pressed is not taken away.
    reconcile(list, shown, ({ name, none }) => none ?? `${name} ${isJoined(name)}`, line, update);
  };
  const isJoined = (name) => Boolean(state.find("room", name)?.joined);
  const line = ({ name, none }) => {
    if (none) return h("li", { class: "none" }, none);
    const act = (label, run, style = "") => h("button", { type: "button", class: `button small ${style}`, "aria-label": `${label} #${name}`, on: { click: run } }, label);
    return h("li", {}, icon("hash"), h("span", { class: "label" }, name), h("span", { class: "count" }),
      isJoined(name)
        ? [act("Leave", () => chat.leave(state.room(name)), "quiet"), act("Open", () => close(() => app.show(state.room(name))))]
        : act("Join", () => close(() => chat.join(name)), "primary"));
  };
  const update = (element, { members, topic, none }) => {
    if (none) return;
    const count = element.querySelector(".count");
    const words = `${members} here${topic ? ` · ${topic}` : ""}`;
    if (count.textContent !== words) count.textContent = words;
    attribute(count, "title", topic);
  };
  const close = (then) => {
    dialog.close();
    then?.();
  };
  const dialog = openDialog("Rooms", title("Rooms", () => dialog.close()),
    h("form", { class: "dialog-form", on: {
      submit: (event) => {
        event.preventDefault();
        if (!create.disabled) close(() => chat.join(wanted()));
      },
    } }, input, create), list);
  input.addEventListener("input", () => {
    paint();
    chat.findRooms(wanted());
  });
  const stops = ["rooms", "list"].map((event) => state.on(event, paint));
  dialog.addEventListener("close", () => stops.forEach((stop) => stop()));
  paint();
  input.focus();
}

export function openNickname(app) {
  const input = h("input", { id: "new-nickname", class: "input", value: app.state.me, maxlength: "32", autocapitalize: "none", spellcheck: "false" });
  const dialog = openDialog("Change nickname", title("Change nickname", () => dialog.close()),
    h("form", { class: "dialog-form", on: {
      submit: (event) => {
        event.preventDefault();
        const wanted = input.value.trim();
        if (wanted && wanted !== app.state.me) app.chat.rename(wanted);
        dialog.close();
      },
    } }, h("label", { class: "unseen", for: "new-nickname" }, "New nickname"), input, h("button", { type: "submit", class: "button primary" }, "Change")));
  input.select();
}

/** Asks for the password before an account is deleted. */
export function openLeaving(app) {
  const password = h("input", { id: "leaving-password", class: "input", type: "password", autocomplete: "current-password", required: true });
  const erases = h("input", { type: "checkbox" });
  const submit = h("button", { type: "submit", class: "button danger" }, "Delete my account");
  const words = wordsBox();
  const dialog = openDialog("Delete my account", title("Delete my account", () => dialog.close()),
    h("form", { class: "dialog-form leaving", on: {
      submit: async (event) => {
        event.preventDefault();
        if (submit.disabled) return;
        submit.disabled = true;
        words.textContent = "";
        try {
          await app.deleteAccount(password.value, erases.checked);
        } catch (error) {
          words.textContent = error.message;
          submit.disabled = false;
          password.select();
        }
      },
    } },
    h("p", {}, `Your password, rooms and what you have read are gone for good. Nobody else can have the name ${app.state.me}. This cannot be undone.`),
    h("label", { class: "check" }, erases, " Also delete all that I wrote, in rooms and to people"),
    h("label", { for: "leaving-password" }, "Password"), password, words, submit));
  password.focus();
}

/** Asks why the user is away. */
export function openAway(app) {
  const input = h("input", { id: "away-text", class: "input", value: "Back soon", maxlength: "200" });
  const dialog = openDialog("Away", title("Away", () => dialog.close()),
    h("form", { class: "dialog-form", on: {
      submit: (event) => {
        event.preventDefault();
        app.chat.governance.setAway(input.value.trim() || "Away");
        dialog.close();
      },
    } }, h("label", { class: "unseen", for: "away-text" }, "What people see while you are away"), input, h("button", { type: "submit", class: "button primary" }, "Set")));
  input.select();
}

const KEYS = [
  [[`${CONTROL} K`], "Jump to a room or person"],
  [["Alt ↑", "Alt ↓"], "Previous or next conversation"],
  [["Alt Shift ↑", "Alt Shift ↓"], "Previous or next with unread messages"],
  [[`${CONTROL} F`], "Search this room"],
  [[`${CONTROL} I`], "Show or hide the people"],
  [["Enter"], "Send"],
  [["Shift Enter"], "New line"],
  [["↑"], "In an empty field: edit your last message"],
  [["Shift Tab", "↑ ↓"], "Go through the messages; Enter for actions"],
  [["Page Up", "Page Down"], "Scroll"],
  [["Esc"], "Close, or back to writing and to the newest message"],
  [[`${CONTROL} /`], "This help; outside of a field ? does it, too"],
];

export function openHelp() {
  const keys = KEYS.map(([keys, does]) => h("div", {},
    h("dt", {}, keys.map((key, index) => [index > 0 ? " " : "", h("kbd", { class: "key" }, key)]).flat()), h("dd", {}, does)));
  const commands = COMMANDS.map(({ name, takes, does }) => h("div", {},
    h("dt", {}, h("code", {}, `/${name}`), takes && h("span", { class: "takes" }, ` ${takes}`)), h("dd", {}, does)));
  const dialog = openDialog("Keys and commands", title("Keys and commands", () => dialog.close()),
    h("div", { class: "help", tabindex: "0" },
      h("h3", {}, "Keys"), h("dl", {}, keys),
      h("h3", {}, "Commands"), h("dl", {}, commands),
      h("h3", {}, "While writing"),
      h("p", {}, "@ completes people, # rooms, : emoji. `code`, ```blocks``` and > quotes are shown as such.")));
}

