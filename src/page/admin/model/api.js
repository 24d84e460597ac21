// The calls of the REST interface, and the token for them. The token is kept for this tab only, and
// never put into an address.

import { at, KEPT } from "../../../client/lib/place.js";
import { sentence } from "../../../client/lib/sentence.js";

const KEY = `${KEPT}admin-token`;
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
  /** Called when the token is no longer valid. */
  expired = () => {};

  get hasToken() {
    return this.#token !== null;
  }

  /** Keeps the token if the server accepts it. */
  async signIn(token) {
    // A text that cannot be put into a header cannot be the token.
    if (!/^[\x21-\x7e]+$/.test(token)) throw new Refused(401, { message: "that is not the admin token" });
    await this.#send("/admin/bans", {}, token);
    this.#token = token;
    sessionStorage.setItem(KEY, token);
  }

  signOut() {
    this.#token = null;
    sessionStorage.removeItem(KEY);
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
      if (error instanceof Refused && error.status === 401 && this.#token === token) {
        this.signOut();
        this.expired();
      }
      throw error;
    }
  }

  async #send(path, { headers, ...request }, token) {
    let answer, text;
    try {
      answer = await fetch(at(path), {
        ...request, cache: "no-store", credentials: "omit", redirect: "error", signal: AbortSignal.timeout(PATIENCE),
        headers: { ...headers, Authorization: `Bearer ${token}` },
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
