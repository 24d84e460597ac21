// Own messages that are being sent. Each has a tag. It stays here until the server confirms that it
// is stored, and until then it is sent again with the same tag: the server publishes a tag only
// once.

/** Time without a confirmation after which a message is sent again, if the server says other things. */
const PATIENCE = 6_000;
/** Refusals after which the text goes back into the field. */
const NOT_NOW = ["cannot_speak", "slow_mode"];
/** The longest frame the server takes unless configured otherwise. */
export const MAX_FRAME_BYTES = 4096;

const bytes = new TextEncoder();

/** The bytes of the frame a message would be sent in. */
export function frameBytes(conversation, body, kind, reply) {
  const tag = "0".repeat(32);
  const [type, args] = command(conversation, { body, tag, kind, reply });
  return bytes.encode(JSON.stringify({ type, args })).length;
}

function command(conversation, { body, tag, kind, reply }) {
  const said = { body, tag, ...(kind && { [kind]: true }), ...(reply && { reply_to: reply.id }) };
  return conversation.isRoom
    ? ["message", { room: conversation.name, ...said }]
    : ["private", { to: conversation.name, ...said }];
}

export class Delivery {
  #state;
  /** The present connection. */
  connection = null;

  constructor(state) {
    this.#state = state;
    setInterval(() => this.#again(), 1_000);
  }

  send(conversation, body, kind, reply) {
    const pending = {
      tag: uuid(), body: clean(body), kind, reply, from: this.#state.me, at: Date.now(), status: "waiting", tries: 0, sent: 0,
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
    if (message) message.tag = pending.seenAs ? message.tag : pending.tag;
    else {
      const { body, kind, reply, at } = pending;
      const tag = pending.seenAs ? undefined : pending.tag;
      conversation.insert({ id: frame.id, tag, from: this.#state.me, body, kind, reply, at });
    }
    this.discard(conversation, pending);
  }

  /** An own message has come: written elsewhere, or one that waits here for its confirmation, which
   * is then not shown a second time. While catching up it is the confirmation: it may have been lost,
   * and a restarted server knows no tags. Returns whether it is one that was written here. */
  came(conversation, message) {
    const isIt = (one) => one.tries > 0 && !one.seenAs && one.body === message.body && one.kind === message.kind && one.reply?.id === message.reply?.id;
    const pending = conversation.pending.find(isIt);
    if (!pending) return false;
    message.tag = pending.tag;
    pending.seenAs = message.id;
    if (conversation.catchingUp) this.discard(conversation, pending);
    return true;
  }

  /** The connection is lost: what was sent may have arrived or not, unless it was seen. */
  cutOff() {
    for (const [conversation, pending] of this.#all()) {
      if (pending.seenAs) this.discard(conversation, pending);
      else if (pending.status === "sending") pending.status = "waiting";
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
    const text = pending.kind === "action" ? `/me ${pending.body}` : pending.body;
    this.#state.setDraft(conversation, [text, conversation.draft].filter(Boolean).join("\n"));
    if (pending.reply && !conversation.answering) this.#state.setAnswering(conversation, pending.reply);
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
    if (!this.connection.ask(type, args)) return;
    pending.status = "sending";
    pending.sent = Date.now();
    pending.tries += 1;
  }

  #again() {
    if (this.connection.state !== "open") return;
    const now = Date.now();
    for (const [conversation, pending] of this.#all()) {
      if (pending.status === "waiting") this.#transmit(conversation, pending);
      // What was sent into silence is still under way, or the connection will be given up.
      const isPassedOver = pending.status === "sending" && now - pending.sent >= PATIENCE && this.connection.heard > pending.sent;
      if (isPassedOver) this.#transmit(conversation, pending);
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
