// The administrators' page: signing in, the views, and whether the server answers. Each view has
// `element`, `start` and `stop`, and asks the server only while it is shown.

import { byId, h, icon } from "../../client/lib/dom.js";
import { Api } from "./model/api.js";
import { Live } from "./model/live.js";
import { Accounts } from "./view/accounts.js";
import { Announce } from "./view/announce.js";
import { Bans } from "./view/bans.js";
import { Channels } from "./view/channels.js";
import { closeDialogs } from "./view/dialog.js";
import { Hooks } from "./view/hooks.js";
import { Log } from "./view/log.js";
import { Messages } from "./view/messages.js";
import { Overview } from "./view/overview.js";
import { People } from "./view/people.js";
import { signIn } from "./view/signin.js";
import { Tokens } from "./view/tokens.js";

const VIEWS = { overview: Overview, people: People, accounts: Accounts, channels: Channels, bans: Bans, tokens: Tokens, hooks: Hooks, log: Log, messages: Messages, announce: Announce };
/** What only administrators do. */
const OF_ADMINISTRATORS = ["tokens", "hooks", "announce"];
const TITLES = { overview: "Overview", people: "People", accounts: "Accounts", channels: "Channels", bans: "Bans", tokens: "Tokens", hooks: "Hooks", log: "Log", messages: "Messages", announce: "Announce" };

class App {
  api = new Api();
  live = new Live(this.api);
  #views = new Map();
  #shown = null;

  constructor() {
    this.api.expired = (wasAccount) => this.#leave(wasAccount
      ? "Your sign-in has ended, or your account has another role now."
      : "The admin token was changed, or the server has another one now. Sign in with the one in the file.");
    this.live.on("change", () => this.#paintHealth());
    addEventListener("hashchange", () => this.api.hasToken && this.#show());
    byId("nav").append(h("ul", {}, Object.entries(TITLES).map(([name, title]) =>
      h("li", {}, h("a", { href: `#${name}`, data: { view: name } }, icon(name), h("span", {}, title))))));
    document.querySelector(".skip").addEventListener("click", (event) => {
      event.preventDefault();
      byId("view").focus();
    });
    if (this.api.hasToken) this.#enter();
    else this.#leave();
  }

  isShown(view) {
    return this.#shown === view;
  }

  /** Something was done: what is shown may be different now. */
  changed() {
    this.#shown.changed?.();
    this.live.hurry();
  }

  openLog(filters) {
    this.#view("log").look(filters);
    location.hash = "log";
  }

  #enter() {
    byId("sign-in").hidden = true;
    byId("sign-in").replaceChildren();
    byId("console").hidden = false;
    for (const name of OF_ADMINISTRATORS) byId("nav").querySelector(`[data-view="${name}"]`).parentElement.hidden = !this.isAllowed(name);
    this.#paintHealth();
    this.live.start();
    this.#show();
  }

  isAllowed(name) {
    return this.api.isAdministrator || !OF_ADMINISTRATORS.includes(name);
  }

  #leave(words = "") {
    this.#shown?.stop();
    this.#shown = null;
    this.#views.clear();
    this.live.stop();
    this.api.signOut();
    closeDialogs();
    byId("view").replaceChildren();
    byId("console").hidden = true;
    byId("sign-in").hidden = false;
    document.title = "Administration";
    signIn(byId("sign-in"), this.api, () => this.#enter(), words);
  }

  #view(name) {
    if (!this.#views.has(name)) this.#views.set(name, new VIEWS[name](this));
    return this.#views.get(name);
  }

  #show() {
    const asked = location.hash.slice(1);
    const name = Object.hasOwn(VIEWS, asked) && this.isAllowed(asked) ? asked : "overview";
    const view = this.#view(name);
    if (view === this.#shown) return;
    const isFirst = this.#shown === null;
    this.#shown?.stop();
    this.#shown = view;
    for (const link of byId("nav").querySelectorAll("a")) {
      const isCurrent = link.dataset.view === name;
      if (isCurrent) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
      if (isCurrent) link.scrollIntoView({ block: "nearest", inline: "center" });
    }
    document.title = `${view.title} · Administration`;
    byId("view").className = view.isWide ? "full" : "";
    byId("view").replaceChildren(h("h2", { class: "view-title" }, view.title), this.#banner, view.element);
    byId("view").scrollTop = 0;
    if (!isFirst) byId("view").focus({ preventScroll: true });
    view.start();
  }

  #banner = h("p", { class: "banner", role: "status", hidden: true });

  #paintHealth() {
    const { ready, status, trouble, samples } = this.live;
    const is = trouble ? "lost" : ready === null ? "waiting" : ready.ready ? "good" : "bad";
    const words = { lost: "No answer", waiting: "Asking…", good: "Ready", bad: "Not ready" }[is];
    const health = byId("health");
    if (!health.hasChildNodes()) {
      health.append(
        h("p", { class: "state-dot" }, h("span", {}), h("small", {})),
        h("button", { type: "button", class: "icon-button", "aria-label": "Sign out", title: "Sign out", on: { click: () => this.#leave() } }, icon("leave")));
    }
    const [state, version] = health.firstElementChild.children;
    health.firstElementChild.className = `state-dot ${is}`;
    if (state.textContent !== words) state.textContent = words;
    const who = this.api.account ? `${this.api.account.name}, ${this.api.account.role}` : "";
    version.textContent = [who, status ? `version ${status.version}` : ""].filter((words) => words !== "").join(" · ");
    this.#banner.hidden = trouble === null;
    const banner = trouble ? `${trouble} Trying again…${samples.last ? " What is shown is from before." : ""}` : "";
    if (this.#banner.textContent !== banner) this.#banner.textContent = banner;
  }
}

new App();
