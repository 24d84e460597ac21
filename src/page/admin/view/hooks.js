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
        { name: "Does", class: "wide", text: does },
        { name: "State", class: "wide", text: state },
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
    const button = (words, label, click, kind = "") => h("button", { type: "button", class: `button small ${kind}`, "aria-label": `${label} ${hook.name} of #${hook.channel}`, on: { click } }, words);
    if (hook.direction === "out") {
      cell.append(
        button("Test", "Send a test by the hook", () => this.#order(hook, "test", "A test is on its way: its state says what came of it.")),
        button("Resend", "Send again what has failed of the hook", () => this.#order(hook, "resend", "What has failed or waits is sent again.")));
    }
    cell.append(button("Remove…", "Remove the hook", () => this.#remove(hook), "danger"));
  }

  async #order(hook, what, words) {
    try {
      await this.#app.api.post(`/admin/hooks/${encodeURIComponent(hook.id)}/${what}`, {});
      tell(words);
    } catch (error) {
      tell(inWords(error));
    }
    this.#app.changed();
  }

  #add() {
    ask({
      title: "New hook",
      words: "A hook is an address that posts to one channel, for monitoring, forges, and programs made for Slack; or with a URL, what sends to it what is said there.",
      fields: [
        field("Channel", textField("channel", { required: true, autocapitalize: "none", placeholder: "ops" })),
        field("Name", textField("name", { required: true, autocapitalize: "none", maxlength: "23" }), "The nickname as which it speaks."),
        field("URL", textField("url", { inputmode: "url", autocapitalize: "none" }), "Where it sends what is said. Empty: programs post to it."),
        field("Triggers", textField("triggers", { autocapitalize: "none", placeholder: "!deploy" }), "Of an outgoing hook: words of which a message must begin with one, with spaces between them. Empty: all messages."),
        h("label", { class: "check" }, h("input", { type: "checkbox", name: "signed" }), "Take only signed calls (of GitHub, Gitea and Standard Webhooks)"),
      ],
      action: "Make the hook",
      run: async ({ channel, name, signed, url, triggers }) => {
        const words = triggers.split(/\s+/).filter(Boolean);
        const out = url.trim() === "" ? {} : { direction: "out", url: url.trim(), ...(words.length > 0 ? { triggers: words } : {}) };
        const made = await this.#app.api.post("/admin/hooks", { channel: channel.trim(), name: name.trim(), signed: signed === "on", ...out });
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

/** What a hook does. */
function does({ direction, signed, url, triggers }) {
  if (direction !== "out") return signed ? "takes signed calls" : "takes calls";
  return `sends ${triggers?.length > 0 ? `${triggers.join(", ")} and mentions` : "everything"} to ${new URL(url).host}`;
}

/** How an outgoing hook does. */
function state({ condition }) {
  if (!condition) return "";
  const { last, paused_why: paused, waiting, failed } = condition;
  const attempt = last ? `${last.error ?? `delivered (${last.status})`}, ${fullTime(last.at)}` : "nothing sent yet";
  return [paused && `paused: ${paused}`, attempt, waiting > 0 && `${waiting} waiting`, failed > 0 && `${failed} failed`].filter(Boolean).join("; ");
}

function showHook({ name, channel, direction, url, secret }) {
  const isOut = direction === "out";
  const secrets = isOut ? [] : [{ name: "address", secret: at(url), hint: "Where the program posts to:" }];
  if (secret) secrets.push({ name: "secret", secret, hint: isOut ? "What the receiver checks our signatures with:" : "What it signs its calls with:" });
  showSecrets(`The hook ${name} of #${channel}`, "Put this where the program finds it, and nobody else. It is not shown again.", secrets);
}
