// One WebSocket at a time: opened, watched, and opened again when it is lost. Knows frames only as
// objects, and nothing of rooms or messages.

import { Emitter } from "../lib/emitter.js";
import { socketAt } from "../lib/place.js";
import { whyNot } from "./api.js";

const FIRST_PAUSE = 400;
const LONGEST_PAUSE = 15_000;
/** How long the server may be silent after a question before the page says so, and before it gives
 * the connection up; sooner if the browser says that the network has changed. */
const QUIET = 5_000;
const PATIENCE = 12_000;
const HURRY = 4;
/** How long a new connection may take until it is welcomed. */
const LONGEST_START = 20_000;
/** The rate that the server accepts: this cost at once, and then this much a
 * second. */
const BURST = 25;
const PER_SECOND = 12;
/** Commands that cost more than a message; see docs/json.md. */
const COSTS = { listrooms: 5, listusers: 5, roommembers: 5, myrooms: 10, ignores: 5, inbox: 5, setnick: 5, search: 10, presence: 11 };
/** Farewells after which the client simply reconnects: a laptop slept, a line was slow. */
const ACCIDENTS = ["silent", "slow_reader"];

/** Emits `frame` (an object), and `state`:
 * `connecting`, `open`, `waiting` (with the time of the next attempt, and why),
 * `ended` (with `{words, code, entered}`; nothing more will be tried);
 * and `quiet` (whether the server owes an answer for some time). */
export class Connection extends Emitter {
  state = "connecting";
  #token;
  #socket = null;
  #pause = FIRST_PAUSE;
  #timer = 0;
  #watch = 0;
  #quiet = 0;
  isQuiet = false;
  /** When the last frame came. */
  heard = 0;
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
    this.check = this.check.bind(this);
    for (const event of ["online", "offline"]) addEventListener(event, this.check);
  }

  open() {
    clearTimeout(this.#timer);
    this.#entered = false;
    const socket = new WebSocket(socketAt("/ws"), [this.#token]);
    this.#socket = socket;
    let opened = false;
    this.#set("connecting");
    this.#watch = setTimeout(() => this.#giveUp(), LONGEST_START);
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

  /** Finds out whether this is still a connection: the network has changed. */
  check() {
    if (this.state === "open") return this.#ask("listrooms", {}, HURRY);
    if (this.state !== "connecting" || !navigator.onLine) return this.retry();
    this.#drop();
    this.open();
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
    this.#unlisten();
    clearTimeout(this.#timer);
    this.#drop();
  }

  /** Sends a command, now or as soon as the rate allows; false when cut off. */
  send(type, args = {}) {
    if (this.state !== "open") return false;
    this.#queue.push({ cost: COSTS[type] ?? 1, frame: JSON.stringify({ type, args }) });
    this.#flush();
    return true;
  }

  /** Sends what waits for its turn: the page is about to go, and all of that with it. The server may refuse some. */
  sendAllNow() {
    while (this.state === "open" && this.#queue.length > 0) this.#sendNext();
  }

  /** Like `send`, when nothing else is to be sent for a while. */
  sendLater(type, args = {}) {
    if (this.state !== "open") return;
    this.#later.push({ cost: COSTS[type] ?? 1, frame: JSON.stringify({ type, args }), room: args.room });
    this.#flush();
  }

  /** Sends what was to be sent later about a room without waiting for the rest of that. */
  hurry(room) {
    const [now, later] = [true, false].map((is) => this.#later.filter((one) => (one.room === room) === is));
    this.#queue.push(...now);
    this.#later = later;
    this.#flush();
  }

  /** Sends something that must be answered; gives the connection up if nothing comes. */
  ask(type, args = {}) {
    return this.#ask(type, args);
  }

  #ask(type, args, hurry = 1) {
    if (!this.send(type, args)) return false;
    if (this.#watch && hurry === 1) return true;
    this.#unwatch();
    this.#quiet = setTimeout(() => this.#setQuiet(true), QUIET / hurry);
    this.#watch = setTimeout(() => this.#giveUp(), PATIENCE / hurry);
    return true;
  }

  #giveUp() {
    this.#drop();
    this.#again();
  }

  #unwatch() {
    clearTimeout(this.#watch);
    clearTimeout(this.#quiet);
    this.#watch = 0;
  }

  #setQuiet(isQuiet) {
    if (this.isQuiet === isQuiet) return;
    this.isQuiet = isQuiet;
    this.emit("quiet", isQuiet);
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
    this.#unwatch();
    this.heard = Date.now();
    this.#setQuiet(false);
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
    const { isRefused = false, words: why = "" } = opened ? {} : await whyNot(this.#token);
    if (this.#closed) return;
    if (isRefused) {
      return this.#end({ words: "You have been signed out. Please sign in again.", entered: false });
    }
    // A server that is full takes its leave and may have a place later.
    this.#again(why || this.#farewell?.body);
  }

  #end(why) {
    this.#unlisten();
    this.#set("ended", why);
  }

  #unlisten() {
    for (const event of ["online", "offline"]) removeEventListener(event, this.check);
  }

  #again(why = "") {
    // All clients were cut off at the same moment, but they should not all return at the same
    // moment.
    const pause = this.#pause * (0.5 + Math.random());
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
    this.#timer = setTimeout(() => this.open(), pause);
    this.#set("waiting", Date.now() + pause, why);
  }

  #drop() {
    clearTimeout(this.#pump);
    this.#unwatch();
    this.#setQuiet(false);
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
