// One WebSocket at a time: opened, watched, and opened again when it is lost. Knows frames only as
// objects, and nothing of rooms or messages.

import { Emitter } from "../lib/emitter.js";
import { socketAt } from "../lib/place.js";
import { isRefused } from "./api.js";

const FIRST_PAUSE = 400;
const LONGEST_PAUSE = 15_000;
/** How long the server may be silent after a question. */
const PATIENCE = 12_000;
/** The rate that the server accepts: this cost at once, and then this much a
 * second. */
const BURST = 25;
const PER_SECOND = 12;
/** Commands that cost more than a message; see docs/json.md. */
const COSTS = { listrooms: 5, listusers: 5, ignores: 5, inbox: 5, setnick: 5, search: 10, presence: 11 };
/** Farewells after which the client simply reconnects: a laptop slept, a line was slow. */
const ACCIDENTS = ["silent", "slow_reader"];

/** Emits `frame` (an object), and `state`:
 * `connecting`, `open`, `waiting` (with the time of the next attempt),
 * `ended` (with `{words, code, entered}`; nothing more will be tried). */
export class Connection extends Emitter {
  state = "connecting";
  #token;
  #socket = null;
  #pause = FIRST_PAUSE;
  #timer = 0;
  #watch = 0;
  #farewell = null;
  #queue = [];
  #later = [];
  #tokens = BURST;
  #filled = 0;
  #pump = 0;
  #closed = false;
  #entered = false;

  constructor(token) {
    super();
    this.#token = token;
    this.retry = this.retry.bind(this);
    addEventListener("online", this.retry);
  }

  open() {
    clearTimeout(this.#timer);
    this.#entered = false;
    const socket = new WebSocket(socketAt("/ws"), [this.#token]);
    this.#socket = socket;
    let opened = false;
    this.#set("connecting");
    socket.addEventListener("open", () => {
      if (socket !== this.#socket) return;
      opened = true;
      this.#farewell = null;
      this.#tokens = BURST;
      this.#filled = performance.now();
    });
    socket.addEventListener("message", (event) => {
      if (socket === this.#socket && typeof event.data === "string") this.#received(event.data);
    });
    socket.addEventListener("close", (event) => {
      if (socket === this.#socket) this.#lost(opened, event);
    });
  }

  /** The token to come back with. */
  use(token) {
    this.#token = token;
  }

  /** Tries at once instead of waiting any longer. */
  retry() {
    if (this.state !== "waiting") return;
    this.#pause = FIRST_PAUSE;
    this.open();
  }

  /** Ends it for good. */
  close() {
    this.#closed = true;
    removeEventListener("online", this.retry);
    clearTimeout(this.#timer);
    clearTimeout(this.#watch);
    this.#drop();
  }

  /** Sends a command, now or as soon as the rate allows; false when cut off. */
  send(type, args = {}) {
    if (this.state !== "open") return false;
    this.#queue.push({ cost: COSTS[type] ?? 1, frame: JSON.stringify({ type, args }) });
    this.#flush();
    return true;
  }

  /** The same when nothing else is to be sent for a while. */
  sendLater(type, args = {}) {
    if (this.state !== "open") return;
    this.#later.push({ cost: COSTS[type] ?? 1, frame: JSON.stringify({ type, args }) });
    this.#flush();
  }

  /** Sends something that must be answered; gives the connection up if nothing comes. */
  ask(type, args = {}) {
    if (!this.send(type, args) || this.#watch) return;
    this.#watch = setTimeout(() => {
      this.#watch = 0;
      this.#drop();
      this.#again();
    }, PATIENCE);
  }

  #flush() {
    clearTimeout(this.#pump);
    const now = performance.now();
    this.#tokens = Math.min(BURST, this.#tokens + ((now - this.#filled) / 1000) * PER_SECOND);
    this.#filled = now;
    while (this.#queue.length > 0 && this.#tokens >= 1) {
      this.#sendNext();
    }
    while (this.#queue.length === 0 && this.#later.length > 0 && this.#tokens >= BURST / 2) {
      this.#queue.push(this.#later.shift());
      this.#sendNext();
    }
    const waiting = this.#queue.length + this.#later.length;
    if (waiting > 0) this.#pump = setTimeout(() => this.#flush(), 1000 / PER_SECOND);
  }

  #sendNext() {
    const { cost, frame } = this.#queue.shift();
    this.#tokens -= cost;
    this.#socket.send(frame);
  }

  #received(text) {
    clearTimeout(this.#watch);
    this.#watch = 0;
    const frame = JSON.parse(text);
    if (frame.type === "welcome") {
      this.#pause = FIRST_PAUSE;
      this.#entered = true;
      this.#set("open");
    }
    if (frame.type === "bye") this.#farewell = frame;
    this.emit("frame", frame);
  }

  async #lost(opened, event) {
    this.#drop();
    const words = this.#farewell?.body || event.reason;
    // 1008: asked to leave; 4409: another connection has the nickname.
    const isOver = [1008, 4409].includes(event.code) || (event.code === 1000 && this.#farewell);
    if (isOver && !ACCIDENTS.includes(this.#farewell?.code)) {
      return this.#end({ words, code: this.#farewell?.code, entered: this.#entered });
    }
    // A browser does not reveal why the server refused it.
    const refused = !opened && (await isRefused(this.#token));
    if (this.#closed) return;
    if (refused) {
      return this.#end({ words: "You have been signed out. Please sign in again.", entered: false });
    }
    this.#again();
  }

  #end(why) {
    removeEventListener("online", this.retry);
    this.#set("ended", why);
  }

  #again() {
    // All clients were cut off at the same moment, but they should not all return at the same
    // moment.
    const pause = this.#pause * (0.5 + Math.random());
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
    this.#timer = setTimeout(() => this.open(), pause);
    this.#set("waiting", Date.now() + pause);
  }

  #drop() {
    clearTimeout(this.#pump);
    clearTimeout(this.#watch);
    this.#watch = 0;
    this.#queue = [];
    this.#later = [];
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #set(state, ...details) {
    this.state = state;
    this.emit("state", state, ...details);
  }
}
