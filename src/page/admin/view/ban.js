// Making a ban.

import { h } from "../../../client/lib/dom.js";
import { Refused } from "../model/api.js";
import { ask, field, reasonField, tell, textField } from "./dialog.js";
import { fullTime } from "./format.js";

const HOUR = 3600;
const ENDS = [
  ["3600", "in an hour"], [String(24 * HOUR), "in a day"], [String(7 * 24 * HOUR), "in a week"],
  [String(30 * 24 * HOUR), "in 30 days"], ["at", "at a time…"], ["never", "never"],
];

/** Asks for the target of a ban, and its duration. `start` may have a nickname, or an
 * address. */
export function askToBan(app, start = {}) {
  let what = start.address && !start.nickname ? "address" : "nickname";
  const target = textField("target", { required: true, value: start[what] ?? "" });
  const label = h("span", {}, "");
  const hint = h("p", { class: "hint", id: "ban-hint" });
  const at = h("input", { class: "input", type: "datetime-local", name: "at", "aria-label": "Ends at" });
  const ends = h("select", { class: "input", name: "ends", on: { change: () => (at.hidden = ends.value !== "at") } },
    ENDS.map(([value, words]) => h("option", { value, selected: value === String(24 * HOUR) }, words)));
  at.hidden = true;
  // In one step, because a guest comes back under another nickname.
  const both = start.address && start.nickname
    ? h("label", { class: "check" }, h("input", { type: "checkbox", name: "both" }), `Ban the address ${start.address}, too`)
    : null;
  const choose = (next) => {
    if (both) both.hidden = next !== "nickname";
    if ([start[what] ?? "", ""].includes(target.value)) target.value = start[next] ?? "";
    what = next;
    label.textContent = what === "nickname" ? "Nickname or account" : "Address or network";
    hint.textContent = what === "nickname"
      ? "In any spelling, registered or not. Users with that name are disconnected now."
      : "Such as 192.0.2.7 or 192.0.2.0/24. Users from there are disconnected now.";
  };
  const way = (value, words) => h("label", { class: "check" },
    h("input", { type: "radio", name: "what", value, checked: value === what, on: { change: () => choose(value) } }), words);
  choose(what);
  target.id = "ban-target";
  target.setAttribute("aria-describedby", "ban-hint");
  const dialog = ask({
    title: "Ban",
    words: h("fieldset", { class: "ways" }, h("legend", { class: "unseen" }, "What to ban"), way("nickname", "Nickname"), way("address", "Address")),
    fields: [
      h("div", { class: "field" }, h("label", { for: "ban-target" }, label), target, hint, both),
      h("div", { class: "fields" }, field("Ends", ends), h("div", { class: "field end" }, at)),
      reasonField(),
    ],
    action: "Ban",
    isDangerous: true,
    run: async (values) => {
      const terms = end(values);
      if (values.reason.trim()) terms.reason = values.reason.trim();
      const targets = [{ [what]: values.target.trim() }];
      if (values.both && what === "nickname") targets.push({ address: start.address });
      try {
        for (const banned of targets) {
          const ban = await app.api.post("/admin/bans", { ...banned, ...terms });
          tell(`${ban.nickname ?? ban.address} is banned${ban.expires_at ? ` until ${fullTime(ban.expires_at)}` : ""}.`);
        }
      } catch (error) {
        if (error instanceof Refused && ["nickname", "address"].includes(error.field)) error.field = "target";
        if (error instanceof Refused && error.field === "expires_at") error.field = "at";
        throw error;
      }
      app.changed();
    },
  });
  if (start[what]) dialog.querySelector("[name=reason]").focus();
  else target.focus();
}

function end({ ends, at }) {
  if (ends === "never") return {};
  if (ends !== "at") return { expires_in_seconds: Number(ends) };
  if (!at) throw new Refused(400, { message: "say when it ends", field: "at" });
  return { expires_at: new Date(at).toISOString() };
}
