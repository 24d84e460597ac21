// Announces a text to everyone.

import { h } from "../../../client/lib/dom.js";
import { inWords } from "../model/api.js";
import { ask, stateLine, tell } from "./dialog.js";
import { count, fullTime, plural } from "./format.js";

const EARLIER = 20;
// The announcement appears in the log a moment after it was delivered: how long to wait until it is
// looked for again, in milliseconds. It is twice as long each time, so all in all about a minute.
const SOONEST = 200;
const LATEST = 30_000;

export class Announce {
  title = "Announce";
  #app;
  #text = h("textarea", { id: "announcement", class: "input", rows: "4", on: { input: () => this.#paint() }, "aria-describedby": "announcement-who announcement-mistake" });
  #mistake = h("p", { class: "mistake", id: "announcement-mistake", role: "alert" });
  #who = h("p", { class: "hint", id: "announcement-who" });
  #preview = h("p", { class: "preview" });
  #send = h("button", { type: "submit", class: "button primary" }, "Announce…");
  #earlier = h("ol", { class: "earlier" });
  /** When the newest one was made; null if there is none, and undefined as long as that is not known. */
  #newest;
  #asked = 0;
  #stop = null;
  element;

  constructor(app) {
    this.#app = app;
    const submit = (event) => {
      event.preventDefault();
      this.#submit();
    };
    this.element = h("div", { class: "view readable" },
      h("form", { class: "announce", novalidate: true, on: { submit } },
        h("div", { class: "field" }, h("label", { for: "announcement" }, "Announcement"), this.#text, this.#mistake, this.#who),
        h("div", {}, h("h2", { class: "label" }, "As it reads on telnet"), this.#preview),
        h("div", {}, this.#send)),
      h("h2", {}, "Earlier ones"), this.#earlier);
  }

  start() {
    this.#stop = this.#app.live.on("change", () => this.#paint());
    this.#paint();
    this.#showEarlier();
  }

  stop() {
    this.#stop();
  }

  changed() {
    this.#showEarlier();
  }

  #paint() {
    const { status } = this.#app.live;
    const text = this.#text.value.trim();
    this.#who.textContent = status ? `${readers(status)} will read this, by every protocol.` : "";
    const lines = text === "" ? ["…"] : text.split("\n");
    const words = lines.map((line) => `Public Server Announcement: ${line}`).join("\n");
    if (this.#preview.textContent !== words) this.#preview.textContent = words;
    this.#preview.classList.toggle("nothing", text === "");
    if (text !== "" && this.#mistake.textContent !== "") this.#refuse("");
  }

  #refuse(words) {
    this.#mistake.textContent = words;
    if (words) this.#text.setAttribute("aria-invalid", "true");
    else this.#text.removeAttribute("aria-invalid");
  }

  #submit() {
    const message = this.#text.value.trim();
    if (message === "") {
      this.#refuse("Say something.");
      this.#text.focus();
      return;
    }
    const { status } = this.#app.live;
    ask({
      title: status ? `${readers(status)} will read this` : "Announce this?",
      words: h("blockquote", { class: "words" }, message),
      action: "Announce",
      run: async () => {
        const before = this.#newest;
        const { delivered_to: told } = await this.#app.api.post("/admin/announce", { message });
        this.#text.value = "";
        tell(`Announced to ${plural(told, "connection")}.`);
        this.#paint();
        this.#app.live.hurry();
        this.#showEarlier((newest) => (before === undefined ? newest?.text === message : newest && newest.at !== before));
      },
    });
  }

  /** Waits until the newest one is what it should be, but not for ever. */
  async #showEarlier(isIt = () => true) {
    const asked = ++this.#asked;
    if (!this.#earlier.hasChildNodes()) this.#earlier.replaceChildren(h("li", {}, stateLine("Asking for them…")));
    try {
      let entries = await this.#announcements();
      for (let pause = SOONEST; !isIt(entries[0]) && pause < LATEST && asked === this.#asked; pause *= 2) {
        await new Promise((done) => setTimeout(done, pause));
        entries = await this.#announcements();
      }
      if (asked !== this.#asked) return;
      this.#newest = entries[0]?.at ?? null;
      const item = ({ at, text }) => h("li", {}, h("time", { datetime: at }, fullTime(at)), h("p", {}, text ?? ""));
      this.#earlier.replaceChildren(...(entries.length > 0 ? entries.map(item) : [h("li", {}, stateLine("There are none in the chat log."))]));
    } catch (error) {
      if (asked !== this.#asked) return;
      this.#earlier.replaceChildren(h("li", {}, stateLine(inWords(error))));
    }
  }

  async #announcements() {
    return (await this.#app.api.get("/admin/log", { kind: "announcement", limit: EARLIER })).entries;
  }
}

const readers = ({ users, connections }) => (connections > users
  ? `${plural(users, "person", "people")} on ${count(connections)} connections` : plural(users, "person", "people"));
