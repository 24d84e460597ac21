// The topic, under the room's title: those who may can edit it in place.

import { byId, h, iconButton, soon } from "../lib/dom.js";
import { rights } from "../model/rules.js";
import { textNodes } from "../text.js";

/** What the server takes at most, in characters. */
const LONGEST = 300;

export class Topic {
  #app;
  #box = byId("topic");
  #shown = "";
  /** The room whose topic is being edited. */
  #editing = null;

  constructor(app) {
    this.#app = app;
    for (const event of ["active", "governed", "me", "link"]) app.state.on(event, () => soon(this.#paint));
  }

  #paint = () => {
    const { state } = this.#app;
    const { active } = state;
    const isRoom = Boolean(active?.isRoom && active.joined);
    // Whoever is writing is not disturbed by what others change.
    if (this.#editing === active && isRoom && this.#box.querySelector("input")) return;
    this.#editing = null;
    const text = isRoom ? active.topic?.text ?? "" : "";
    const may = isRoom && rights(state, active).topic;
    const shown = [active?.key, text, active?.topic?.by, may].join("|");
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#box.hidden = text === "" && !may;
    const edit = may && (text
      ? iconButton("edit", "Change the topic", () => this.#edit())
      : h("button", { type: "button", class: "link quiet", on: { click: () => this.#edit() } }, "Set a topic"));
    const { by } = active?.topic ?? {};
    this.#box.replaceChildren(
      ...(text ? [h("p", { dir: "auto", title: by ? `${text} (set by ${by})` : text }, textNodes(text, (name) => state.isMe(name)))] : []),
      ...(edit ? [edit] : []));
  };

  #edit() {
    const { active } = this.#app.state;
    this.#editing = active;
    const input = h("input", {
      class: "input", value: active.topic?.text ?? "", maxlength: String(LONGEST), "aria-label": `Topic of ${active.title}`, placeholder: "What is this room about?",
      on: { keydown: (event) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        event.stopPropagation();
        this.#done();
      } },
    });
    this.#box.replaceChildren(h("form", { on: { submit: (event) => {
      event.preventDefault();
      const wanted = input.value.trim();
      if (wanted === (active.topic?.text ?? "") || this.#app.chat.governance.setTopic(active, wanted)) this.#done();
    } } }, input,
    h("button", { type: "submit", class: "button small primary" }, "Save"),
    h("button", { type: "button", class: "button small", on: { click: () => this.#done() } }, "Cancel")));
    input.select();
  }

  #done() {
    this.#editing = null;
    this.#shown = "";
    this.#box.replaceChildren();
    this.#paint();
    this.#app.focusComposer();
  }
}
