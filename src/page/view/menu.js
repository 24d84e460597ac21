// A menu beside the thing it belongs to; on a phone, at the bottom.

import { h } from "../lib/dom.js";
import { isPressing } from "./long_press.js";

/** Items: `{label, run, checked?, radio?, key?, danger?, hidden?}`,
 * `{heading}`, or `{}` for a line. */
export function openMenu(anchor, label, items) {
  const entries = items.filter((item) => !item.hidden).map(entry);
  // While a finger that has opened it is down, the browser would close it when the finger is lifted.
  const isHeld = isPressing();
  const menu = h("div", { class: "menu", role: "menu", popover: isHeld ? "manual" : "auto", "aria-label": label }, entries);
  const choices = [...menu.querySelectorAll("button")];

  function entry(item) {
    if (item.heading) return h("div", { class: "heading", role: "presentation" }, item.heading);
    if (!item.label) return h("hr", {});
    const role = item.checked === undefined ? "menuitem" : item.radio ? "menuitemradio" : "menuitemcheckbox";
    return h("button", {
      type: "button", role, tabindex: "-1", class: item.danger ? "danger" : "",
      "aria-checked": item.checked === undefined ? null : String(item.checked),
      on: {
        click: () => {
          menu.hidePopover();
          item.run();
        },
        pointermove: (event) => isMouseMoved(event) && event.currentTarget.focus({ preventScroll: true }),
      },
    }, h("span", {}, item.label), item.key && h("kbd", { class: "key" }, item.key));
  }

  menu.addEventListener("keydown", (event) => {
    const at = choices.indexOf(document.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: choices.length - 1 }[event.key];
    if (next !== undefined) {
      event.preventDefault();
      choices.at(next % choices.length)?.focus();
    } else if (event.key === "Tab") {
      menu.hidePopover();
    }
  });
  menu.addEventListener("toggle", (event) => {
    if (event.newState !== "closed") return;
    if (anchor.hasAttribute("aria-expanded")) anchor.setAttribute("aria-expanded", "false");
    menu.remove();
    if (document.activeElement === document.body) anchor.focus();
  });

  document.body.append(menu);
  menu.showPopover();
  if (isHeld) closeLightly(menu);
  if (anchor.hasAttribute("aria-expanded")) anchor.setAttribute("aria-expanded", "true");
  place(menu, anchor.getBoundingClientRect());
  choices[0]?.focus();
}

/** Whether the user has moved a mouse. An event comes as well when a menu appears below where the pointer is, or
 * where a finger was last. */
const isMouseMoved = ({ pointerType, movementX, movementY }) => pointerType === "mouse" && (movementX !== 0 || movementY !== 0);

/** Closes a menu as the browser closes others: by Escape, or a touch beside it. */
function closeLightly(menu) {
  const ended = new AbortController();
  const { signal } = ended;
  const close = () => menu.hidePopover();
  menu.addEventListener("toggle", ({ newState }) => newState === "closed" && ended.abort(), { signal });
  addEventListener("pointerdown", ({ target }) => menu.contains(target) || close(), { signal, capture: true });
  addEventListener("keydown", ({ key }) => key === "Escape" && close(), { signal, capture: true });
}

function place(menu, anchor) {
  const { width, height } = menu.getBoundingClientRect();
  const left = Math.max(8, Math.min(anchor.left, innerWidth - width - 8));
  const isRoomBelow = anchor.bottom + height + 8 < innerHeight;
  const top = isRoomBelow ? anchor.bottom + 4 : Math.max(8, anchor.top - height - 4);
  menu.style.setProperty("--left", `${left}px`);
  menu.style.setProperty("--top", `${top}px`);
}
