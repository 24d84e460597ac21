// The hooks of channels: made, with their address shown once, and removed.

import { h, icon } from "../../../client/lib/dom.js";
import { at } from "../../../client/lib/place.js";
import { inWords } from "../model/api.js";
import { Repeat } from "../model/live.js";
import { ask, field, stateLine, tell, textField } from "./dialog.js";
import { fullTime, plural } from "./format.js";
import { showSecrets } from "./secret.js";
import { Table } from "./table.js";

const EVERY = 10_000;

export class Hooks {
  title = "Hooks";
  #app;
  #hooks = null;
  #repeat = new Repeat(() => this.#ask(), EVERY);
  #count = h("span", { class: "count", role: "status" });
  #state = stateLine("Asking for the hooks…");
  #table;
  element;

  constructor(app) {
    this.#app = app;
    this.#table = new Table({
      label: "Hooks", keyOf: ({ id }) => id, sort: { by: "Channel" },
      empty: () => stateLine("No channel has a hook."),
      columns: [
        { name: "Channel", class: "strong", text: ({ channel }) => `#${channel}` },
        { name: "Speaks as", text: ({ name }) => name },
        { name: "Takes", text: ({ signed }) => (signed ? "signed calls" : "every call") },
        { name: "Made by", text: ({ made_by: by }) => by ?? "administrators" },
        { name: "Last used", text: ({ used_at: used }) => used ?? "never", value: ({ used_at: used }) => (used ? Date.parse(used) : Infinity),
          fill: (cell, { used_at: used }) => cell.replaceChildren(used ? h("time", { datetime: used }, fullTime(used)) : "never") },
        { name: "Actions", class: "actions", update: (cell, hook) => this.#updateActions(cell, hook) },
      ],
    });
    this.#table.element.hidden = true;
    this.element = h("div", { class: "view" },
      h("div", { class: "toolbar" }, this.#count,
        h("button", { type: "button", class: "button primary right", on: { click: () => this.#add() } }, icon("plus"), "New hook")),
      this.#state, this.#table.element);
  }

  start() {
    this.#repeat.start();
  }

  stop() {
    this.#repeat.stop();
  }

  changed() {
    this.#repeat.hurry();
  }

  async #ask() {
    try {
      this.#hooks = (await this.#app.api.get("/admin/hooks")).hooks;
      this.#state.hidden = true;
      this.#table.element.hidden = false;
      this.#table.show(this.#hooks);
      this.#count.textContent = plural(this.#hooks.length, "hook");
    } catch (error) {
      if (this.#hooks === null) this.#state.textContent = `${inWords(error)} Trying again…`;
    }
  }

  #updateActions(cell, hook) {
    if (cell.firstElementChild) return;
    cell.append(h("button", { type: "button", class: "button small danger", "aria-label": `Remove the hook ${hook.name} of #${hook.channel}`, on: { click: () => this.#remove(hook) } }, "Remove…"));
  }

  #add() {
    ask({
      title: "New hook",
      words: "A hook is an address that posts to one channel: for monitoring, forges, and programs made for Slack.",
      fields: [
        field("Channel", textField("channel", { required: true, autocapitalize: "none", placeholder: "ops" })),
        field("Name", textField("name", { required: true, autocapitalize: "none", maxlength: "23" }), "The nickname as which it speaks."),
        h("label", { class: "check" }, h("input", { type: "checkbox", name: "signed" }), "Take only signed calls (of GitHub, Gitea and Standard Webhooks)"),
      ],
      action: "Make the hook",
      run: async ({ channel, name, signed }) => {
        const made = await this.#app.api.post("/admin/hooks", { channel: channel.trim(), name: name.trim(), signed: signed === "on" });
        this.#app.changed();
        // This question is closed first.
        setTimeout(() => showHook(made));
      },
    });
  }

  #remove(hook) {
    ask({
      title: `Remove the hook ${hook.name} of #${hook.channel}?`,
      words: "Its address is good for nothing any more. This cannot be undone.",
      action: "Remove", isDangerous: true,
      run: async () => {
        await this.#app.api.remove(`/admin/hooks/${encodeURIComponent(hook.id)}`);
        tell(`The hook ${hook.name} of #${hook.channel} is removed.`);
        this.#app.changed();
      },
    });
  }
}

function showHook({ name, channel, url, secret }) {
  const secrets = [{ name: "address", secret: at(url), hint: "Where the program posts to:" }];
  if (secret) secrets.push({ name: "secret", secret, hint: "What it signs its calls with:" });
  showSecrets(`The hook ${name} of #${channel}`, "Put this where the program finds it, and nobody else. It is not shown again.", secrets);
}
