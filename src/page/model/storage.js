// Data kept in the browser: the sign-in, the user's rooms and how far they have been read, and
// settings, and drafts. Never any messages.

import { KEPT } from "../lib/place.js";

function area(name) {
  try {
    return globalThis[name];
  } catch {
    return null;
  }
}

const lasting = area("localStorage");
const passing = area("sessionStorage");

function read(storage, key) {
  try {
    return JSON.parse(storage?.getItem(`${KEPT}${key}`) ?? "null");
  } catch {
    return null;
  }
}

function write(storage, key, value) {
  try {
    if (value === null) storage?.removeItem(`${KEPT}${key}`);
    else storage?.setItem(`${KEPT}${key}`, JSON.stringify(value));
  } catch {
    // Full or forbidden: it is lost when the page closes.
  }
}

export const savedLogin = () => read(passing, "login") ?? read(lasting, "login");

export function saveLogin(login, keep) {
  write(passing, "login", keep ? null : login);
  write(lasting, "login", keep ? login : null);
}

/** Forgets who is signed in; another tab may have signed in anew meanwhile. */
export function forgetLogin(login) {
  write(passing, "login", null);
  if (read(lasting, "login")?.token === login.token) write(lasting, "login", null);
}

/** The token that a user has given up by signing out in this tab, until the server knows. */
export const leftToken = { get: () => read(passing, "left"), set: (token) => write(passing, "left", token) };

/** Calls back when another tab has forgotten who is signed in. */
export function onForgotten(callback) {
  addEventListener("storage", ({ key, newValue }) => {
    if (newValue === null && (key === `${KEPT}login` || key === null)) callback();
  });
}

/** Rooms of a user: `[{name, read}]`, `read` being a message's id. */
export const savedRooms = (user) => read(lasting, `rooms.${user}`) ?? [];
export const saveRooms = (user, rooms) => write(lasting, `rooms.${user}`, rooms);

/** Drafts of a user, `[key, text]`, or `[key, text, {id, author}]` of an answer: on this device, or without `keep` in this tab. */
export const savedDrafts = (user, keep) => read(keep ? lasting : passing, `drafts.${user}`) ?? [];
export const saveDrafts = (user, keep, drafts) => write(keep ? lasting : passing, `drafts.${user}`, drafts.length > 0 ? drafts : null);

export const savedIgnored = (user) => read(lasting, `ignored.${user}`) ?? [];
export const saveIgnored = (user, names) => write(lasting, `ignored.${user}`, names);

/** `levels`: what rooms notified of, `all` or `none`, by key, when only devices kept it. */
const DEFAULTS = { notify: false, sound: false, levels: {}, comings: true, people: true };

export const settings = { ...DEFAULTS, ...read(lasting, "settings") };

export function change(setting, value) {
  settings[setting] = value;
  write(lasting, "settings", settings);
}

/** The level of a room that only this device knows; it is forgotten here. */
export function takeLevel(key) {
  const { [key]: level, ...others } = settings.levels;
  if (level) change("levels", others);
  return { all: "all", none: "nothing" }[level] ?? null;
}

/** `light`, `dark`, or `system`. */
export function theme() {
  return document.documentElement.dataset.theme ?? "system";
}

export function setTheme(theme) {
  const root = document.documentElement;
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
  try {
    // As theme.js reads it.
    if (theme === "system") lasting.removeItem("chat.theme");
    else lasting.setItem("chat.theme", theme);
  } catch {
    // As above.
  }
}
