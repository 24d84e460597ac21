// The calls of the REST interface, and the token for them: the administrators', or that of an account with
// a role. It is kept for this tab only, and never put into an address.

import { at, KEPT } from "../../../client/lib/place.js";
import { sentence } from "../../../client/lib/sentence.js";

const KEY = `${KEPT}admin-token`;
const ACCOUNT = `${KEPT}admin-account`;
const PATIENCE = 15_000;

/** The server has answered, and the answer is no. */
export class Refused extends Error {
  constructor(status, { message, field, code } = {}, retryAfter = null) {
    super(message || `The server answered ${status}.`);
    this.status = status;
    this.field = field ?? null;
    this.code = code ?? null;
    this.retryAfter = retryAfter;
  }
}

/** No answer. */
export class Unreachable extends Error {}

export class Api {
  #token = sessionStorage.getItem(KEY);
  /** The name and role of the account whose token it is; null if it is the administrators'. */
  #account = JSON.parse(sessionStorage.getItem(ACCOUNT) ?? "null");
  /** Called when the token is no longer valid. */
  expired = () => {};

  get hasToken() {
    return this.#token !== null;
  }

  get account() {
    return this.#account;
  }

  /** Whether everything is allowed. */
  get isAdministrator() {
    return this.#account === null || this.#account.role === "administrator";
  }

  /** Keeps the token if the server accepts it. */
  async signIn(token) {
    // A text that cannot be put into a header cannot be the token.
    if (!/^[\x21-\x7e]+$/.test(token)) throw new Refused(401, { message: "that is not the admin token" });
    await this.#send("/admin/bans", {}, token);
    this.#keep(token, null);
  }

  /** Logs in to an account, and keeps its token if it has a role. */
  signInAs(nickname, password) {
    const headers = { "Content-Type": "application/json" };
    return this.#enter("/auth", { body: JSON.stringify({ nickname, password }), headers });
  }

  /** Whom a proxy names, which has checked who it is; null if it names nobody. */
  async namedByProxy() {
    const { remote_user: remote } = await this.#send("/auth/register", {}, null).catch(() => ({}));
    return remote?.name ?? null;
  }

  /** The same for the account of the one whom a proxy names. */
  signInByProxy() {
    return this.#enter("/auth/remote", {});
  }

  async #enter(path, request) {
    const { token } = await this.#send(path, { method: "POST", ...request }, null);
    const { nickname: name, role } = await this.#send("/auth/account", {}, token);
    if (role) return this.#keep(token, { name, role });
    await this.#send("/auth", { method: "DELETE" }, token);
    throw new Refused(403, { message: `${name} has no role on this server; an administrator gives accounts one` });
  }

  #keep(token, account) {
    this.#token = token;
    this.#account = account;
    sessionStorage.setItem(KEY, token);
    sessionStorage.setItem(ACCOUNT, JSON.stringify(account));
  }

  signOut() {
    // What an account was given for this tab ends with it.
    if (this.#token !== null && this.#account) this.#send("/auth", { method: "DELETE", keepalive: true }, this.#token).catch(() => {});
    this.#token = null;
    this.#account = null;
    sessionStorage.removeItem(KEY);
    sessionStorage.removeItem(ACCOUNT);
  }

  get(path, query = {}) {
    const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
    const search = given.length > 0 ? `?${new URLSearchParams(given)}` : "";
    return this.#call(path + search, {});
  }

  post(path, body) {
    return this.#call(path, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  }

  put(path, body) {
    return this.#call(path, { method: "PUT", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  }

  patch(path, body) {
    return this.#call(path, { method: "PATCH", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  }

  remove(path, body) {
    const content = body ? { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } } : {};
    return this.#call(path, { method: "DELETE", ...content });
  }

  async #call(path, request) {
    const token = this.#token;
    if (token === null) throw new Unreachable("signed out");
    try {
      return await this.#send(path, request, token);
    } catch (error) {
      if (error instanceof Refused && this.#token === token && (error.status === 401 || (await this.#hasAnotherRole(error, token)))) {
        const wasAccount = this.#account !== null;
        this.signOut();
        this.expired(wasAccount);
      }
      throw error;
    }
  }

  /** Whether a call was refused because the account has got another role. */
  async #hasAnotherRole(error, token) {
    if (error.code !== "missing_role" || this.#account === null) return false;
    const { role } = await this.#send("/auth/account", {}, token).catch(() => this.#account);
    return this.#token === token && role !== this.#account.role;
  }

  async #send(path, { headers, ...request }, token) {
    let answer, text;
    try {
      answer = await fetch(at(path), {
        ...request, cache: "no-store", credentials: "same-origin", redirect: "error", signal: AbortSignal.timeout(PATIENCE),
        headers: token === null ? headers : { ...headers, Authorization: `Bearer ${token}` },
      });
      text = await answer.text();
    } catch {
      throw new Unreachable("The server does not answer.");
    }
    const isJson = answer.headers.get("Content-Type")?.startsWith("application/json");
    const body = isJson && text !== "" ? JSON.parse(text) : text;
    // "Not ready" is an answer as well.
    if (answer.ok || (answer.status === 503 && body.reasons)) return body;
    throw new Refused(answer.status, body.error, Number(answer.headers.get("Retry-After")) || null);
  }
}

/** An error in words for people. */
export function inWords(error) {
  if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
  if (error.status === 429 && error.retryAfter) return `${sentence(error.message)} Try again in ${error.retryAfter} s.`;
  return sentence(error.message);
}
