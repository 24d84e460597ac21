// Searching: a room or all rooms by asking the server, direct messages by going through them here,
// because the server does not search them.

import { fold } from "./names.js";

/** Results asked for at once. */
const PAGE = 50;
/** Rooms that are searched together at most: each search costs the server something. */
const MOST_ROOMS = 40;
/** Direct messages that are fetched at once, and that are gone through at most. */
const THREAD_PAGE = 100;
const MOST_DIRECT = 5_000;
const PATIENCE = 30_000;

export class Search {
  #state;
  #send;
  #older;
  /** Rooms still to be asked, and where to go on in those that have more. */
  #queue = [];
  #next = new Map();

  /** `send` sends a command, `older` fetches older messages of a conversation. */
  constructor(state, send, older) {
    this.#state = state;
    this.#send = send;
    this.#older = older;
  }

  /** Searches a conversation, or all rooms if there is none. */
  start(where, query) {
    this.#next.clear();
    this.#state.search = { query, room: where, results: null, busy: true, more: false, why: "" };
    if (where && !where.isRoom) return this.#through(where);
    const rooms = where ? [where] : this.#state.joinedRooms.filter(({ joined }) => joined).slice(0, MOST_ROOMS);
    this.#queue = rooms.map((room) => ({ room }));
    this.#ask();
  }

  /** Older results. */
  more() {
    this.#queue = [...this.#next].map(([key, before]) => ({ room: this.#state.conversations.get(key), before })).filter(({ room }) => room);
    this.#next.clear();
    this.#state.search.busy = true;
    this.#ask();
  }

  /** The server's answer. */
  found(frame) {
    const { search } = this.#state;
    const asked = this.#queue[0];
    if (!search.busy || !asked || fold(asked.room.name) !== fold(frame.room) || frame.query !== search.query) return;
    this.#queue.shift();
    if (!frame.complete && frame.next) this.#next.set(asked.room.key, frame.next);
    this.#add(frame.messages.map((message) => ({ ...message, at: Date.parse(message.at), key: asked.room.key })));
    this.#ask();
  }

  /** Nothing more comes, because of an error or because the link is lost. */
  stop(why = "") {
    const { search } = this.#state;
    if (!search.busy) return;
    this.#queue = [];
    Object.assign(search, { busy: false, why: search.results === null ? why : "", more: this.#next.size > 0 });
    this.#state.emit("found");
  }

  #ask() {
    const [asked] = this.#queue;
    const { search } = this.#state;
    const { query } = search;
    if (!asked) {
      search.results ??= [];
      return this.stop();
    }
    const { room, before } = asked;
    if (!this.#send("search", { room: room.name, query, limit: PAGE, ...(before && { before }) })) return this.stop("Not connected: try again in a moment.");
    this.#state.emit("found");
  }

  #add(news) {
    const { search } = this.#state;
    search.results = [...(search.results ?? []), ...news].sort((one, other) => other.at - one.at);
  }

  /** Goes through the messages with a user, fetching older ones. */
  async #through(direct) {
    const { search } = this.#state;
    const words = fold(search.query).split(/\s+/).filter(Boolean);
    const has = ({ body }) => body !== undefined && words.every((word) => fold(body).includes(word));
    this.#state.emit("found");
    while (!direct.complete && direct.messages.length < MOST_DIRECT && this.#state.search === search) {
      if (!direct.loading) this.#older(direct, THREAD_PAGE);
      const came = await this.#state.until("stream", () => !direct.loading, PATIENCE);
      if (!came) break;
    }
    if (this.#state.search !== search) return;
    const results = direct.messages.filter(has).reverse();
    search.results = results.map(({ id, from, body, at }) => ({ id, from, body, at, key: direct.key }));
    this.stop();
    search.more = !direct.complete;
  }
}
