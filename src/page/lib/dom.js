// Creates and updates elements. User text is inserted as text nodes only: nothing here turns a
// string into markup.

/** An element. `on` has listeners, `data` data attributes; other properties
 * are attributes, of which those that are false or null are left out. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "on") {
      for (const [type, listener] of Object.entries(value)) element.addEventListener(type, listener);
    } else if (name === "data") {
      Object.assign(element.dataset, value);
    } else {
      attribute(element, name, value);
    }
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Sets an attribute, or removes it if the value is false or nothing. */
export function attribute(element, name, value) {
  if (value === false || value === null || value === undefined) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : value);
}

/** A picture from the sheet in index.html. Never carries meaning alone. */
export function icon(name) {
  const picture = document.getElementById("icon").content.firstElementChild.cloneNode(true);
  picture.firstElementChild.setAttribute("href", `#i-${name}`);
  return picture;
}

/** A button with only an icon, named for screen readers. */
export function iconButton(name, label, click, more = {}) {
  return h("button", {
    type: "button", class: "icon-button", "aria-label": label, title: label, on: { click }, ...more,
  }, icon(name));
}

export const byId = (id) => document.getElementById(id);

/** Makes the children of `parent` those of `items`, keeping the elements of
 * items that stay, and the focus with them. `update` is for kept and new. */
export function reconcile(parent, items, keyOf, create, update = () => {}) {
  const kept = new Map();
  for (const child of parent.children) kept.set(child.itemKey, child);
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let element = kept.get(key);
    kept.delete(key);
    if (!element) {
      element = create(item);
      element.itemKey = key;
    }
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
    update(element, item);
  }
  for (const element of kept.values()) element.remove();
}

const waiting = new Set();

/** Runs `paint` before the next frame is shown, however often it is asked for. */
export function soon(paint) {
  if (waiting.size === 0) requestAnimationFrame(paintAll);
  waiting.add(paint);
}

function paintAll() {
  const paints = [...waiting];
  waiting.clear();
  for (const paint of paints) paint();
}
