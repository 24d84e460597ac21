// Signing in and registering, over HTTP. What goes wrong is thrown as a
// `Refused`, in words for the person at the keyboard.

import { at } from "../lib/place.js";

export class Refused extends Error {
  constructor(words, { status = 0, code = "", fields = {} } = {}) {
    super(words);
    this.status = status;
    this.code = code;
    this.fields = fields;
  }
}

/** A token for a nickname; with a password if it is registered. */
export async function authenticate(nickname, password = "") {
  const form = new URLSearchParams({ nickname });
  if (password) form.set("password", password);
  const { response, body } = await post("/auth", form);
  if (response.ok) return body.token;
  const { code, message, field } = body?.error ?? {};
  const words = sentence(message ?? "", response);
  throw new Refused(words, { status: response.status, code, fields: field ? { [field]: words } : {} });
}

/** Makes an account. */
export async function register(fields) {
  const { response, body } = await post("/api/register", new URLSearchParams(fields));
  if (response.ok) return;
  const { message, errors } = body?.error ?? {};
  const each = Object.entries(errors ?? {}).map(([name, why]) => [name, sentence(String(why), response)]);
  const words = each.length > 0 ? "Some of that needs another look." : sentence(message ?? "", response);
  throw new Refused(words, { status: response.status, fields: Object.fromEntries(each) });
}

/** Whether the server says that this token is no good. Without such an answer it
 * may still be: who let nothing else through, or did not answer, has not said so. */
export async function isRefused(token) {
  try {
    const headers = { Authorization: `Bearer ${token}` };
    return (await fetch(at("/auth"), { headers, cache: "no-store" })).status === 401;
  } catch {
    return false;
  }
}

async function post(path, form) {
  let response;
  try {
    response = await fetch(at(path), { method: "POST", body: form });
  } catch {
    throw new Refused("The server cannot be reached. Is the network there?");
  }
  const body = await response.json().catch(() => null);
  return { response, body };
}

function sentence(words, response) {
  if (!words) return `The server answered with an error (${response.status}). Please try again.`;
  const start = words[0].toUpperCase() + words.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}
