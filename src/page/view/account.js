// The dialog about one's own account: password, e-mail address, and where it is signed in. Loaded when it is opened.

import { h } from "../lib/dom.js";
import { fullTime } from "../time.js";
import { openDialog, section, title, wordsBox } from "./dialog.js";

export function openAccount(app) {
  const heading = "My account";
  const words = wordsBox();
  const body = h("div", { class: "settings", tabindex: "-1" });
  const dialog = openDialog(heading, title(heading, () => dialog.close()), words, body);
  dialog.classList.add("wide");
  const said = (text) => {
    words.textContent = text;
  };
  const parts = [
    section("Password", "Wherever else you are signed in, you are signed out.", [password(app, said)]),
    section("E-mail", "Nobody else sees it, and it is not verified.", [email(app, said)]),
    section("Where you are signed in", "", [signIns(app, said)]),
  ];
  body.replaceChildren(...parts.map((part) => part.element), leaving(app));
  body.querySelector("input").focus();
}

/** A form of fields `[name, label, type, autocomplete]`. `send` gets their values, and throws a `Refused`
 * whose words are shown, those about a field with its label. */
function fields(list, action, said, send) {
  const inputs = list.map(([name, , type, autocomplete]) => h("input", { id: `own-${name}`, name, type, autocomplete, class: "input", maxlength: "1024" }));
  const submit = h("button", { type: "submit", class: "button" }, action);
  const mark = (wrong) => inputs.forEach((input) => input.setAttribute("aria-invalid", String(input.name in wrong)));
  const element = h("form", { class: "account-form", novalidate: true, on: {
    submit: async (event) => {
      event.preventDefault();
      if (submit.disabled) return;
      submit.disabled = true;
      said("");
      mark({});
      try {
        said(await send(Object.fromEntries(inputs.map((input) => [input.name, input.value])), inputs));
      } catch (error) {
        const at = inputs.find((input) => input.name in (error.fields ?? {}));
        mark(error.fields ?? {});
        said(error.message);
        (at ?? inputs[0]).focus();
      } finally {
        submit.disabled = false;
      }
    },
  } }, list.map(([, label], index) => h("div", { class: "field" }, h("label", { for: inputs[index].id }, label), inputs[index])), submit);
  return { element, update() {}, inputs };
}

function password(app, said) {
  const list = [
    ["password", "Present password", "password", "current-password"],
    ["new_password", "New password", "password", "new-password"],
  ];
  return fields(list, "Change the password", said, async (values, inputs) => {
    await app.changePassword(values.password, values.new_password);
    for (const input of inputs) input.value = "";
    return "Your password is changed.";
  });
}

function email(app, said) {
  const list = [
    ["email", "E-mail", "email", "email"],
    ["password", "Present password", "password", "current-password"],
  ];
  const form = fields(list, "Change the address", said, async (values, [address, secret]) => {
    address.value = await app.changeEmail(values.password, values.email.trim()) ?? "";
    secret.value = "";
    return address.value ? "Your address is changed." : "Your address is taken away.";
  });
  const [address, secret] = form.inputs;
  secret.id = "own-email-password";
  form.element.querySelectorAll("label")[1].htmlFor = secret.id;
  app.ownAccount().then((account) => {
    // Not over what is being typed.
    if (address.value === "") address.value = account.email ?? "";
  }, (error) => said(error.message));
  return form;
}

/** The list of sign-ins; those with password only, such as by telnet, are not on it. */
function signIns(app, said) {
  const list = h("ul", { class: "entries" }, h("li", { class: "none" }, "Asking…"));
  const refresh = async () => {
    try {
      const all = await app.signIns();
      list.replaceChildren(...all.map((one) => signIn(one, act)));
      elsewhere.hidden = all.length < 2;
    } catch (error) {
      said(error.message);
    }
  };
  const act = async (run, words) => {
    said("");
    try {
      await run(app);
      said(words);
    } catch (error) {
      said(error.message);
    }
    refresh();
  };
  const everywhere = () => act(() => app.signOutElsewhere(), "You are signed out everywhere else.");
  const elsewhere = h("button", { type: "button", class: "button", hidden: true, on: { click: everywhere } }, "Sign out everywhere else");
  refresh();
  return { element: h("div", {}, list, elsewhere), update() {} };
}

function signIn({ id, kind, client, address, signed_in_at: since, last_used_at: used, current }, act) {
  const name = kind === "direct" ? `Direct messages: ${inShort(client)}` : inShort(client);
  const end = () => act((app) => app.endSignIn(id), "That is signed out.");
  const details = [address, `since ${fullTime(Date.parse(since))}`, `last used ${fullTime(Date.parse(used))}`].filter(Boolean).join(", ");
  return h("li", { title: client }, h("span", { class: "label" }, name), h("span", { class: "count" }, details),
    current ? h("span", {}, "this one") : h("button", { type: "button", class: "button small", "aria-label": `Sign out ${name}`, on: { click: end } }, "Sign out"));
}

/** The browser and the system that a `User-Agent` names. */
function inShort(client) {
  const first = (...names) => names.find(([pattern]) => pattern.test(client))?.[1];
  const browser = first([/Edg\//, "Edge"], [/Firefox\//, "Firefox"], [/Chrome\//, "Chrome"], [/Safari\//, "Safari"]);
  const system = first([/Android/, "Android"], [/iPhone|iPad/, "iOS"], [/Windows/, "Windows"], [/Mac OS/, "macOS"], [/Linux/, "Linux"]);
  if (browser) return system ? `${browser} on ${system}` : browser;
  return client.split(/[ /]/)[0] || "unknown client";
}

function leaving(app) {
  return h("p", {}, h("button", { type: "button", class: "button danger", on: { click: () => app.open("leaving") } }, "Delete my account…"));
}
