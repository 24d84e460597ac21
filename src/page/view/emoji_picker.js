// Choosing an emoji: those used lately, by kind, or by name. Loaded when it is opened.

import { h } from "../lib/dom.js";
import { emojiTable, searchEmoji } from "../emoji.js";
import { change, settings } from "../model/storage.js";

/** The kinds, each with the name of its first emoji in the table. */
const KINDS = [
  ["Faces", "grinning"], ["People", "wave"], ["Nature", "monkey_face"], ["Food", "grapes"], ["Places", "earth_africa"],
  ["Activities", "jack_o_lantern"], ["Things", "eyeglasses"], ["Signs", "atm"], ["Flags", "checkered_flag"],
];
const MOST_FOUND = 120;
const MOST_RECENT = 24;

/** Opens it above an element; `chosen` gets the emoji. */
export async function openPicker(anchor, chosen) {
  const table = await emojiTable();
  const kinds = sorted(table);
  const heading = h("h2", {});
  const grid = h("div", { class: "emoji-grid" });
  const search = h("input", { class: "input", type: "search", placeholder: "Find an emoji", "aria-label": "Find an emoji", autocomplete: "off", spellcheck: "false" });
  const tabs = h("div", { class: "emoji-kinds", role: "group", "aria-label": "Kinds of emoji" });
  const picker = h("div", { class: "emoji-picker", popover: "auto", role: "dialog", "aria-label": "Emoji" }, search, tabs, heading, grid);

  const choose = ({ emoji, name }) => {
    picker.hidePopover();
    change("emoji", [name, ...(settings.emoji ?? []).filter((other) => other !== name)].slice(0, MOST_RECENT));
    chosen(emoji);
  };
  const show = (title, list) => {
    heading.textContent = list.length > 0 ? title : "There is no such emoji.";
    grid.replaceChildren(...list.map((one, index) => h("button", {
      type: "button", tabindex: index === 0 ? "0" : "-1", "aria-label": one.name.replaceAll("_", " "), title: `:${one.name}:`, on: { click: () => choose(one) },
    }, one.emoji)));
    grid.scrollTop = 0;
  };
  const showKind = (title) => {
    for (const tab of tabs.children) tab.setAttribute("aria-pressed", String(tab.title === title));
    show(title, kinds.get(title));
  };
  tabs.append(...[...kinds].filter(([, list]) => list.length > 0).map(([title, list]) => h("button", {
    type: "button", title, "aria-label": title, "aria-pressed": "false", on: { click: () => showKind(title) },
  }, title === "Lately" ? "🕘" : list[0].emoji)));
  search.addEventListener("input", async () => {
    const wanted = search.value.trim().replaceAll(" ", "_");
    if (!wanted) return showKind(tabs.firstElementChild.title);
    const found = await searchEmoji(wanted, MOST_FOUND);
    if (search.value.trim().replaceAll(" ", "_") === wanted) show("Found", found);
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") grid.firstElementChild?.click();
    else if (event.key === "ArrowDown") grid.firstElementChild?.focus();
    else return;
    event.preventDefault();
  });
  grid.addEventListener("keydown", (event) => step(event, grid, search));
  picker.addEventListener("toggle", ({ newState }) => {
    if (newState !== "closed") return;
    if (anchor.hasAttribute("aria-expanded")) anchor.setAttribute("aria-expanded", "false");
    picker.remove();
    if (document.activeElement === document.body) anchor.focus();
  });

  document.body.append(picker);
  picker.showPopover();
  if (anchor.hasAttribute("aria-expanded")) anchor.setAttribute("aria-expanded", "true");
  showKind(tabs.firstElementChild.title);
  // Above the anchor, but within the window.
  const { right, top } = anchor.getBoundingClientRect();
  const { width, height } = picker.getBoundingClientRect();
  picker.style.setProperty("--right", `${Math.max(8, Math.min(innerWidth - right, innerWidth - width - 8))}px`);
  picker.style.setProperty("--bottom", `${Math.max(8, Math.min(innerHeight - top + 10, innerHeight - height - 8))}px`);
  search.focus();
}

/** The table by kinds, and first those that were used lately. */
function sorted(table) {
  const kinds = new Map([["Lately", []], ...KINDS.map(([title]) => [title, []])]);
  const byName = new Map(table.map((one) => [one.name, one]));
  kinds.set("Lately", (settings.emoji ?? []).map((name) => byName.get(name)).filter(Boolean));
  const starts = new Map(KINDS.map(([title, name]) => [name, title]));
  let kind = KINDS[0][0];
  for (const one of table) {
    kind = starts.get(one.name) ?? kind;
    kinds.get(kind).push(one);
  }
  return kinds;
}

/** Arrow keys go through the grid, and up out of it to the search. */
function step(event, grid, search) {
  const buttons = [...grid.children];
  const at = buttons.indexOf(document.activeElement);
  const columns = getComputedStyle(grid).gridTemplateColumns.split(" ").length;
  const steps = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + columns, ArrowUp: at - columns, Home: 0, End: buttons.length - 1 };
  const next = steps[event.key];
  if (next === undefined) return;
  event.preventDefault();
  if (next < 0) search.focus();
  else buttons[Math.min(next, buttons.length - 1)].focus();
}
