// The dialog about one's own account: password and e-mail address. Loaded when it is opened.

import { h } from "../lib/dom.js";
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

function leaving(app) {
  return h("p", {}, h("button", { type: "button", class: "button danger", on: { click: () => app.open("leaving") } }, "Delete my account…"));
}
