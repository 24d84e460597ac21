// Invitations to register an account: made, with their link shown once, listed and withdrawn.

import { h } from "../../../client/lib/dom.js";
import { at } from "../../../client/lib/place.js";
import { inWords } from "../model/api.js";
import { ask, closeDialogs, field, inform, stateLine, tell, textField } from "./dialog.js";
import { plural } from "./format.js";
import { showSecrets } from "./secret.js";

/** Lists the invitations that are not over, and makes new ones. */
export function openInvitations(api) {
  const list = h("ul", { class: "invitations" });
  const state = stateLine("Asking for the invitations…");
  const refresh = async () => {
    try {
      const { invitations } = await api.get("/admin/invitations");
      state.textContent = invitations.length === 0 ? "There are no invitations." : "";
      list.replaceChildren(...invitations.map((one) => row(api, one, refresh)));
    } catch (error) {
      state.textContent = inWords(error);
    }
  };
  inform("Invitations to register",
    h("p", { class: "words" }, "They are needed while accounts.registration is “invitation”. Whoever has a link registers with it, as often as it says."),
    list, state,
    h("p", {}, h("button", { type: "button", class: "button primary", on: { click: () => add(api) } }, "New invitation…")));
  refresh();
}

function row(api, invitation, refresh) {
  const { id, uses, uses_left: left, expires_at: end } = invitation;
  const withdraw = async () => {
    try {
      await api.remove(`/admin/invitations/${encodeURIComponent(id)}`);
      tell("The invitation is withdrawn.");
    } catch (error) {
      tell(inWords(error));
    }
    refresh();
  };
  const until = new Date(end).toLocaleDateString([], { dateStyle: "medium" });
  return h("li", {}, `${id}: ${left} of ${plural(uses, "account")} left, until ${until} `,
    h("button", { type: "button", class: "button small danger", "aria-label": `Withdraw the invitation ${id}`, on: { click: withdraw } }, "Withdraw"));
}

function add(api) {
  closeDialogs();
  const number = (name, value, max) => textField(name, { type: "number", min: "1", max, value, required: true });
  ask({
    title: "New invitation",
    words: "Its link is shown once. Give it to those who are to register.",
    fields: [field("Accounts that it makes", number("uses", "1", "1000")), field("Days for which it is valid", number("days", "7", "365"))],
    action: "Make the link",
    run: async ({ uses, days }) => {
      const { link } = await api.post("/admin/invitations", { uses: Number(uses), days: Number(days) });
      // This question is closed first.
      setTimeout(() => showSecrets("The invitation", "Whoever has it can register. It is not shown again.", [{ name: "link", secret: at(link) }]));
    },
  });
}
