// Signing in: as a guest, with an account, or with a new account.

import { byId, h } from "../lib/dom.js";
import { asset } from "../lib/place.js";
import { authenticate, authenticateByProxy, Refused, register, registration } from "../model/api.js";

const WAYS = {
  guest: {
    tab: "Guest",
    hint: "No account needed. The name is yours for as long as you are here.",
    action: "Enter",
    fields: [["nickname", "Nickname", { autocomplete: "nickname" }]],
  },
  login: {
    tab: "Log in",
    hint: "Your nickname and your direct messages are waiting for you.",
    action: "Log in",
    fields: [
      ["nickname", "Nickname", { autocomplete: "username" }],
      ["password", "Password", { type: "password", autocomplete: "current-password" }],
    ],
    keep: true,
  },
  register: {
    tab: "Register",
    hint: "An account keeps your nickname and your direct messages.",
    action: "Create the account",
    fields: [
      ["nickname", "Nickname", { autocomplete: "username" }],
      ["password", "Password", { type: "password", autocomplete: "new-password", hint: "At least 8 characters." }],
      ["first_name", "First name", { autocomplete: "given-name", half: true, optional: true }],
      ["last_name", "Last name", { autocomplete: "family-name", half: true, optional: true }],
      ["email", "E-mail", { type: "email", autocomplete: "email", optional: true }],
      ["invitation", "Invitation", { autocomplete: "off", hint: "The link or code that an administrator has given you." }],
    ],
    keep: true,
  },
};

export class SignIn {
  #root = byId("sign-in");
  #enter;
  #ready;
  #way = "guest";
  #kept = {};
  /** Who registers accounts; not known until the server has said so. */
  #registration = "open";
  /** Whom a proxy names. */
  #byProxy = null;
  /** Whether the user has left the chat, and is not to be back in it at once. */
  #hasLeft;

  /** `enter` gets `{nickname, token, kind, keep}`, not before `ready`: until the server knows that this user has
   * signed out, the nickname is theirs. */
  constructor(enter, ready, hasLeft) {
    this.#hasLeft = hasLeft;
    this.#enter = enter;
    this.#ready = ready;
  }

  /** With an `invitation` to register, the way is to register. */
  show(words = "", nickname = "", way = this.#way, invitation = "") {
    this.#kept.nickname = nickname || this.#kept.nickname || "";
    if (invitation) {
      this.#kept.invitation = invitation;
      this.#registration = "invitation";
    }
    this.#learn();
    this.#root.hidden = false;
    document.title = "Sign in · Chat";
    this.#paint(way, words);
  }

  /** Finds out who registers accounts and whom a proxy names, and shows what may be done. */
  async #learn() {
    const before = this.#registration;
    const { registration: now, remote_user: remote } = await registration();
    if (this.#root.hidden) return;
    if (remote?.name && !this.#byProxy) return this.#nameByProxy(remote, now);
    if (now === before) return;
    this.#registration = now;
    const isOver = now === "closed" && this.#way === "register";
    this.#keep();
    this.#paint(isOver ? "guest" : this.#way, isOver ? "No accounts are registered here at present." : this.#root.querySelector(".notice-box").textContent);
  }

  /** A proxy has checked who the user is: nothing is to be typed. */
  async #nameByProxy({ name, logout_url: url }, registration) {
    this.#byProxy = name;
    this.#registration = registration;
    const notice = this.#root.querySelector(".notice-box").textContent;
    await this.#ready;
    if (this.#hasLeft && notice === "" && /^(https?:\/)?\//.test(url ?? "")) return location.assign(url);
    this.#keep();
    this.#paint(this.#way, notice);
    if (!this.#hasLeft) await this.#enterByProxy();
  }

  async #enterByProxy() {
    try {
      await this.#ready;
      this.#enter({ ...(await authenticateByProxy()), kind: "account", keep: false, renewed: Date.now() });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.remark(error.message);
    }
  }

  #ways() {
    return Object.keys(WAYS).filter((name) => name !== "register" || this.#registration !== "closed");
  }

  /** Words above the fields, which take nothing from what is being typed. */
  remark(words) {
    const box = this.#root.querySelector(".notice-box");
    if (box) box.textContent = words;
  }

  hide() {
    this.#root.hidden = true;
    this.#root.replaceChildren();
  }

  #paint(name, words = "") {
    this.#way = name;
    const way = WAYS[name];
    const form = h("form", { novalidate: true, class: "way", id: "way", role: "tabpanel", "aria-labelledby": `tab-${name}`, on: {
      submit: (event) => {
        event.preventDefault();
        this.#submit(form);
      },
    } },
      h("p", { class: "hint" }, way.hint),
      h("p", { class: "notice-box", role: "alert" }, words),
      h("div", { class: "fields" }, way.fields.filter(([field]) => field !== "invitation" || this.#registration === "invitation").map((field) => this.#field(...field))),
      way.keep && h("label", { class: "check" },
        h("input", { type: "checkbox", name: "keep", checked: true }), "Keep me signed in on this device"),
      h("button", { type: "submit", class: "button primary" }, way.action),
    );
    this.#root.replaceChildren(
      h("div", { class: "card" },
        h("img", { src: asset("icon.svg"), alt: "", width: "44", height: "44" }),
        h("h1", {}, "Come in and chat"),
        this.#byProxy && h("button", { type: "button", class: "button primary by-proxy", on: { click: () => this.#enterByProxy() } }, `Continue as ${this.#byProxy}`),
        this.#tabs(name),
        form,
      ),
      h("p", { class: "foot" }, "Also by telnet, WebSocket and JSON: the same rooms, the same people."),
    );
    const fields = [...form.querySelectorAll("input.input")];
    (fields.find((field) => field.value === "") ?? fields[0]).focus();
  }

  #tabs(current) {
    const tab = (name) => h("button", {
      type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "way",
      "aria-selected": String(name === current), tabindex: name === current ? "0" : "-1",
      on: {
        click: () => this.#choose(name),
        keydown: (event) => {
          const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
          if (!step) return;
          const names = this.#ways();
          this.#choose(names[(names.indexOf(name) + step + names.length) % names.length], true);
        },
      },
    }, WAYS[name].tab);
    return h("div", { class: "tabs", role: "tablist", "aria-label": "How to come in" }, this.#ways().map(tab));
  }

  #choose(name, byKey = false) {
    this.#keep();
    this.#paint(name);
    if (byKey) byId(`tab-${name}`).focus();
  }

  /** What was typed survives a change of the tab. */
  #keep() {
    for (const field of this.#root.querySelectorAll("input.input")) this.#kept[field.name] = field.value;
  }

  #field(name, label, { hint, half, optional, type = "text", autocomplete }) {
    const id = `field-${name}`;
    return h("div", { class: half ? "field half" : "field" },
      h("label", { for: id }, label, optional && h("span", { class: "optional" }, " (optional)")),
      h("input", {
        id, name, type, autocomplete, class: "input", required: !optional, value: this.#kept[name] ?? "",
        autocapitalize: "none", spellcheck: "false", "aria-describedby": `${id}-why`,
        // Characters outside of the basic plane count twice here.
        maxlength: name === "nickname" ? "64" : "256",
      }),
      h("p", { id: `${id}-why`, class: hint ? "hint why" : "mistake why", data: { hint: hint ?? "" } }, hint ?? ""),
    );
  }

  async #submit(form) {
    const values = Object.fromEntries(new FormData(form));
    const keep = values.keep === "on";
    delete values.keep;
    const missing = Object.keys(values).filter((name) => form.elements[name].required && values[name].trim() === "");
    if (missing.length > 0) {
      const fields = Object.fromEntries(missing.map((name) => [name, "This is needed."]));
      return this.#mistakes(form, new Refused("", { fields }));
    }
    const button = form.querySelector("button.primary");
    button.disabled = true;
    try {
      await this.#ready;
      const kind = this.#way === "guest" ? "guest" : "account";
      const nickname = values.nickname.trim();
      const token = await (this.#way === "register" ? register(values, keep) : authenticate(nickname, values.password, keep));
      this.#kept = { nickname };
      this.#enter({ nickname, token, kind, keep: kind === "account" && keep, renewed: Date.now() });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#mistakes(form, error);
    } finally {
      button.disabled = false;
    }
  }

  #mistakes(form, error) {
    if (this.#way === "guest" && /registered/.test(error.message)) {
      this.#keep();
      this.#paint("login", `${error.message} If it is yours, log in.`);
      return;
    }
    const isAtField = Object.keys(error.fields).some((name) => form.elements[name]);
    form.querySelector(".notice-box").textContent = isAtField ? "" : error.message;
    let first = null;
    for (const input of form.querySelectorAll("input.input")) {
      const why = error.fields[input.name] ?? "";
      const line = byId(`${input.id}-why`);
      input.setAttribute("aria-invalid", String(why !== ""));
      line.textContent = why || line.dataset.hint;
      line.className = why ? "mistake why" : "hint why";
      if (why) first ??= input;
    }
    // What is wrong with name and password together is, more often, the password.
    first ??= form.querySelector("input[type=password]") ?? form.querySelector("input.input");
    first.focus();
    first.select();
  }
}
