// Signing in and registering, over HTTP. Errors are thrown as `Refused`, with a text for the user.

import { at } from "../lib/place.js";
import { sentence } from "../lib/sentence.js";

/** How long the server may take to sign out, and to answer a question. */
const PATIENCE = 4_000;
/** How long it may take to let in. */
const LONGEST = 30_000;

export class Refused extends Error {
  constructor(words, { status = 0, code = "", fields = {} } = {}) {
    super(words);
    this.status = status;
    this.code = code;
    this.fields = fields;
  }
}

/** A token for a nickname; with a password if it is registered. `keep`: its
 * owner stays signed in. */
export async function authenticate(nickname, password = "", keep = false) {
  const form = new URLSearchParams({ nickname });
  if (password) form.set("password", password);
  if (keep) form.set("keep", "true");
  return token(await post("/auth", form));
}

/** Makes an account, and gives a token for it. */
export async function register(fields, keep = false) {
  const filled = Object.entries(fields).filter(([, value]) => value.trim() !== "");
  const form = new URLSearchParams(filled);
  if (keep) form.set("keep", "true");
  return token(await post("/auth/register", form), "nickname");
}

/** Who registers accounts (`open`, `invitation` or `closed`), and whom a proxy names, if one is asked:
 * `{registration, remote_user: {name, logout_url}}`. */
export async function registration() {
  try {
    const response = await fetch(at("/auth/register"), { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    return { registration: "open", ...(await response.json()) };
  } catch {
    // What cannot be done the server says then.
    return { registration: "open" };
  }
}

/** A token for the user whom a proxy names, with the nickname: `{token, nickname}`. */
export async function authenticateByProxy() {
  const own = token(await post("/auth/remote", new URLSearchParams()));
  const { nickname } = await ownAccount(own);
  return { token: own, nickname };
}

/** The same token with a later end; null if there is none at present. */
export async function renew(old) {
  try {
    const response = await fetch(at("/auth/renew"), { method: "POST", headers: bearer(old), cache: "no-store" });
    return response.ok ? (await response.json()).token : null;
  } catch {
    return null;
  }
}

/** Revokes a token and ends the connections opened with it. Returns whether the
 * server confirmed it; the request is sent even if the page closes meanwhile. */
export async function giveUp(old) {
  try {
    const request = { method: "DELETE", headers: bearer(old), keepalive: true, signal: AbortSignal.timeout(PATIENCE) };
    const { ok, status } = await fetch(at("/auth"), request);
    return ok || status === 401;
  } catch {
    return false;
  }
}

/** Deletes an account, and everything that it has written if it `erases` that. */
export async function deleteAccount(nickname, password, erases) {
  const form = new URLSearchParams({ nickname, password, messages: erases ? "erase" : "keep" });
  const answer = await send("DELETE", "/auth/account", form);
  if (!answer.response.ok) token(answer);
}

/** Changes the password of an account, and gives a new token for it. */
export async function changePassword(nickname, password, next, keep = false) {
  const form = new URLSearchParams({ nickname, password, new_password: next, keep: String(Boolean(keep)) });
  return token(await send("PUT", "/auth/account/password", form));
}

/** Changes the e-mail address of an account. Returns the account. */
export async function changeEmail(nickname, password, email) {
  const answer = await send("PATCH", "/auth/account", new URLSearchParams({ nickname, password, email }));
  token(answer);
  return answer.body;
}

/** What is known of the account of a token. */
export async function ownAccount(of) {
  const answer = await send("GET", "/auth/account", undefined, bearer(of));
  token(answer);
  return answer.body;
}

/** Where the owner of a token is signed in, the last used first. */
export async function signIns(of) {
  const answer = await send("GET", "/auth/sign-ins", undefined, bearer(of));
  token(answer);
  return answer.body.sign_ins;
}

/** Ends one sign-in of the owner of a token. */
export async function endSignIn(of, id) {
  token(await send("DELETE", `/auth/sign-ins/${encodeURIComponent(id)}`, undefined, bearer(of)));
}

/** Ends all sign-ins of the owner of a token, and gives a new one. */
export async function endSignIns(of) {
  return token(await send("DELETE", "/auth/sign-ins", undefined, bearer(of)));
}

/** Why the server does not let in the owner of a token: `{isRefused, words}`. Without an answer of
 * the server the token may still be valid: a proxy that refuses says nothing of it. */
export async function whyNot(token) {
  try {
    const request = { headers: bearer(token), cache: "no-store", signal: AbortSignal.timeout(PATIENCE) };
    const response = await fetch(at("/auth"), request);
    // It knows us, over a connection that it already had.
    if (response.ok) return { isRefused: false, words: "The server takes no more connections at present." };
    const { error } = await response.json().catch(() => ({}));
    return { isRefused: response.status === 401, words: sentence(error?.message ?? "") };
  } catch {
    return { isRefused: false, words: "" };
  }
}

const bearer = (token) => ({ Authorization: `Bearer ${token}` });

/** The token in an answer; `conflict` is the field to blame if another user has
 * that value. */
function token({ response, body }, conflict) {
  if (response.ok) return body?.token;
  const { code, message, field, fields } = body?.error ?? {};
  const words = inWords(message ?? "", response);
  const each = Object.entries(fields ?? {}).map(([name, why]) => [name, inWords(String(why), response)]);
  const about = field ?? (response.status === 409 ? conflict : undefined);
  if (each.length === 0 && about) each.push([about, words]);
  throw new Refused(words, { status: response.status, code, fields: Object.fromEntries(each) });
}

const post = (path, form) => send("POST", path, form);

async function send(method, path, form, headers = {}) {
  let response;
  try {
    response = await fetch(at(path), { method, body: form, headers, cache: "no-store", signal: AbortSignal.timeout(LONGEST) });
  } catch {
    throw new Refused("The server cannot be reached. Is the network there?");
  }
  const body = await response.json().catch(() => null);
  return { response, body };
}

const inWords = (words, { status }) => sentence(words) || `The server answered with an error (${status}). Please try again.`;
