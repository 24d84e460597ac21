// Own messages that are being sent. Each has a tag. It stays here until the server confirms that it
// is stored, and until then it is sent again with the same tag: the server publishes a tag only
// once.

/** Time without a confirmation after which a message is sent again. */
const PATIENCE = 6_000;
const TRIES = 5;
/** Refusals after which the text goes back into the field. */
const NOT_NOW = ["cannot_speak", "slow_mode"];
/** The longest frame the server takes unless configured otherwise. */
export const MAX_FRAME_BYTES = 4096;

const bytes = new TextEncoder();

/** The bytes of the frame a message would be sent in. */
export function frameBytes(conversation, body) {
  const tag = "0".repeat(32);
  const [type, args] = command(conversation, { body, tag });
  return bytes.encode(JSON.stringify({ type, args })).length;
}

function command(conversation, { body, tag }) {
  return conversation.isRoom
    ? ["message", { room: conversation.name, body, tag }]
    : ["private", { to: conversation.name, body, tag }];
}

export class Delivery {
  #state;
  /** The present connection. */
  connection = null;

  constructor(state) {
    this.#state = state;
    setInterval(() => this.#again(), 1_000);
  }

  send(conversation, body) {
    const pending = {
      tag: uuid(), body: clean(body), from: this.#state.me, at: Date.now(), status: "waiting", tries: 0, sent: 0,
    };
    conversation.pending.push(pending);
    this.#transmit(conversation, pending);
    this.#state.emit("stream", conversation);
  }

  /** Sends what waits in a conversation that has caught up. */
  flush(conversation) {
    for (const pending of conversation.pending) {
      if (pending.status !== "failed") this.#transmit(conversation, pending);
    }
    this.#state.emit("stream", conversation);
  }

  retry(conversation, pending) {
    pending.tries = 0;
    this.#transmit(conversation, pending);
    this.#state.emit("stream", conversation);
  }

  discard(conversation, pending) {
    conversation.pending = conversation.pending.filter((other) => other !== pending);
    this.#state.emit("stream", conversation);
  }

  /** Whether anything has not arrived yet. */
  get isBusy() {
    return [...this.#state.conversations.values()].some((one) => one.pending.length > 0);
  }

  stored(frame) {
    const [conversation, pending] = this.#find(frame.tag);
    if (!pending) return;
    this.#state.emit("stored", conversation);
    const message = conversation.find(frame.id);
    // Its element is kept, so that nothing flickers.
    if (message) message.tag = pending.tag;
    else conversation.insert({ id: frame.id, tag: pending.tag, from: this.#state.me, body: pending.body, at: pending.at });
    this.discard(conversation, pending);
  }

  /** An own message that came while catching up. A restarted server knows no tags:
   * it may be one whose confirmation was lost. */
  missed(conversation, message) {
    const pending = conversation.pending.find((one) => one.tries > 0 && one.body === message.body);
    if (!pending) return;
    message.tag = pending.tag;
    this.discard(conversation, pending);
  }

  /** The connection is lost: what was sent may have arrived or not. */
  cutOff() {
    for (const [, pending] of this.#all()) {
      if (pending.status === "sending") pending.status = "waiting";
    }
  }

  /** The server has refused a message; false if it is not an own one. */
  refused(frame) {
    const [conversation, pending] = this.#find(frame.tag);
    if (!pending) return false;
    if (NOT_NOW.includes(frame.code)) this.#giveBack(conversation, pending, frame);
    else this.#fail(conversation, pending, frame.body);
    return true;
  }

  /** Frames were dropped: everything is sent again a little later. */
  slower() {
    for (const [, pending] of this.#all()) {
      if (pending.status === "sending") pending.sent = Date.now() - PATIENCE + 2_000;
    }
  }

  /** Not now, but perhaps later: the text is a draft again. */
  #giveBack(conversation, pending, frame) {
    conversation.draft = [pending.body, conversation.draft].filter(Boolean).join("\n");
    this.discard(conversation, pending);
    this.#state.emit("givenBack", conversation, frame);
  }

  #fail(conversation, pending, words) {
    pending.status = "failed";
    pending.words = words;
    this.#state.emit("stream", conversation);
    this.#state.emit("failed", conversation, words);
  }

  #transmit(conversation, pending) {
    pending.status = "waiting";
    if (conversation.catchingUp || (conversation.isRoom && !conversation.joined)) return;
    const [type, args] = command(conversation, pending);
    if (!this.connection.send(type, args)) return;
    pending.status = "sending";
    pending.sent = Date.now();
    pending.tries += 1;
  }

  #again() {
    if (this.connection.state !== "open") return;
    const now = Date.now();
    for (const [conversation, pending] of this.#all()) {
      if (pending.status === "waiting") this.#transmit(conversation, pending);
      if (pending.status !== "sending" || now - pending.sent < PATIENCE) continue;
      if (pending.tries < TRIES) this.#transmit(conversation, pending);
      else this.#fail(conversation, pending, "The server does not confirm this message.");
    }
  }

  #find(tag) {
    return this.#all().find(([, pending]) => pending.tag === tag) ?? [];
  }

  #all() {
    const conversations = [...this.#state.conversations.values()];
    return conversations.flatMap((one) => one.pending.map((pending) => [one, pending]));
  }
}

/** A text as the server will store it. */
function clean(body) {
  return body.replace(/[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, "").trimEnd();
}

function uuid() {
  // Works without a secure context, unlike crypto.randomUUID.
  const random = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
