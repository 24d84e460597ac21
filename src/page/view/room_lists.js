// The lists in the settings of a room: who is kept out, muted, excepted and invited, and
// invitation links.

import { h, reconcile } from "../lib/dom.js";
import { at } from "../lib/place.js";
import { LISTS } from "../model/rules.js";
import { timeOrDay } from "../time.js";
import { section } from "./dialog.js";

/** How long a link can be used, in minutes; 0 is for ever. */
const EXPIRY = [[60, "an hour"], [24 * 60, "a day"], [7 * 24 * 60, "a week"], [0, "until it is withdrawn"]];
const USES = [[1, "once"], [10, "10 times"], [100, "100 times"], [0, "any number of times"]];

const none = (words) => h("li", { class: "none" }, words);

/** The people who are kept out or muted, and who are not for all that. */
export function bans(app, room) {
  const { governance } = app.chat;
  const list = h("ul", { class: "entries", "aria-label": "Bans and mutes" });
  const entry = (ban) => h("li", {},
    h("span", { class: "label" }, shownMask(ban.mask)),
    h("span", { class: "count" }, [
      LISTS[ban.list], ban.by && `by ${ban.by}`, ban.until ? `until ${timeOrDay(Date.parse(ban.until))}` : "", ban.reason && `“${ban.reason}”`,
    ].filter(Boolean).join(", ")),
    h("button", { type: "button", class: "button small", "aria-label": `Lift: ${shownMask(ban.mask)}`, on: { click: () => governance.lift(room, ban) } }, "Lift"));
  let asked = true;
  const update = () => {
    if (!room.bans) {
      // A change has made the list that we had an old one.
      if (!asked) asked = governance.askBans(room);
      return list.replaceChildren(none("Asking for the list…"));
    }
    asked = false;
    const key = (ban) => [ban.mask, ban.list, ban.until, ban.reason].join("|");
    reconcile(list, room.bans, key, entry);
    if (room.bans.length === 0) list.replaceChildren(none("Nobody is banned or muted."));
  };
  return section("Bans and mutes", "", [{ element: list, update }]);
}

const shownMask = (mask) => mask.replace(/^account:/, "").replace(/^host:/, "address ");

/** Links that let people in. A link's secret is shown once, where it is made. */
export function links(app, room) {
  const { governance } = app.chat;
  const uses = select("link-uses", USES, "10");
  const expiry = select("link-expiry", EXPIRY, String(24 * 60));
  const made = h("div", { class: "made" });
  const list = h("ul", { class: "entries", "aria-label": "Invitation links" });
  const form = h("form", { class: "link-form", on: { submit: (event) => {
    event.preventDefault();
    governance.makeLink(room, { uses: Number(uses.value), minutes: Number(expiry.value) });
  } } },
  h("div", { class: "field" }, h("label", { for: "link-uses" }, "Can be used"), uses),
  h("div", { class: "field" }, h("label", { for: "link-expiry" }, "For"), expiry),
  h("button", { type: "submit", class: "button" }, "Make a link"));
  let shown = null;
  const update = () => {
    if (room.madeLink !== shown) {
      shown = room.madeLink;
      made.replaceChildren(...(shown ? fresh(app, room, shown) : []));
    }
    const key = (link) => [link.id, link.uses, link.until].join("|");
    reconcile(list, room.links ?? [], key, (link) => h("li", {},
      h("span", { class: "label" }, `Link of ${link.by}`),
      h("span", { class: "count" }, [
        link.uses ? `${link.uses} more times` : "", link.until ? `until ${timeOrDay(Date.parse(link.until))}` : "",
      ].filter(Boolean).join(", ")),
      h("button", { type: "button", class: "button small", "aria-label": `Withdraw the link of ${link.by}`, on: { click: () => governance.withdrawLink(room, link) } }, "Withdraw")));
    if ((room.links ?? []).length === 0) list.replaceChildren(none("There are no links."));
  };
  return section("Invitation links", "Whoever has the link may join, whatever the rules for joining say, but not when banned.", [
    { element: form, update }, { element: made, update() {} }, { element: list, update() {} },
  ]);
}

/** The new link, to be copied: it is not shown again. */
function fresh(app, room, secret) {
  const url = at(`/join/${encodeURIComponent(room.name)}/${encodeURIComponent(secret)}`);
  const field = h("input", { id: "new-link", class: "input", readonly: true, value: url, on: { focus: () => field.select() } });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(url);
      app.state.toast("The link is copied.");
    } catch {
      // Without a secure context: it is selected, to be copied by hand.
      field.focus();
      app.state.toast("Copy the selected link by hand: the browser does not allow it here.");
    }
  };
  return [h("label", { for: "new-link" }, "The new link (it is shown only now)"),
    h("div", { class: "with-button" }, field, h("button", { type: "button", class: "button", on: { click: copy } }, "Copy"))];
}

function select(id, options, value) {
  const element = h("select", { id, class: "input" }, options.map(([each, words]) => h("option", { value: String(each) }, words)));
  element.value = value;
  return element;
}
