// Reactions: which signs a message has, and by whom.

import { compareIds } from "./conversation.js";
import { fold } from "./names.js";

export class Reacting {
  #state;
  #send;

  constructor(state, send) {
    this.#state = state;
    this.#send = send;
  }

  frames = {
    reacted: (frame) => this.#changed(frame, (message) => this.#give(message, frame)),
    reactions: (frame) => this.#changed(frame, (message) => Object.assign(message, reactionsOf(frame))),
  };

  /** Gives a message a sign, or takes it back. Returns whether the server has been asked. */
  toggle(message, sign) {
    const given = message.reactions?.find((one) => one.sign === sign);
    return this.#send("react", { id: message.id, sign, on: !(given && this.isMine(given)) });
  }

  /** Whether one's own is among those who gave a sign. */
  isMine({ users }) {
    return users.some((user) => this.#state.isMe(user));
  }

  /** Changes a message that is in memory, unless it knows of the change already. */
  #changed(frame, change) {
    const conversation = this.#state.aboutWhich(frame, frame.author);
    const message = conversation?.find(frame.id);
    if (!message || message.notice) return;
    if (message.reacted && frame.reacted && compareIds(frame.reacted, message.reacted) <= 0) return;
    change(message);
    message.reacted = frame.reacted;
    message.version = (message.version ?? 0) + 1;
    this.#state.emit("stream", conversation);
  }

  #give(message, { sign, user, on }) {
    const all = message.reactions ?? [];
    const known = all.find((one) => one.sign === sign);
    const users = (known?.users ?? []).filter((one) => fold(one) !== fold(user));
    const wasNamed = known !== undefined && users.length < known.users.length;
    // Not all are named: of the others, only what has changed is told.
    const isLess = !on && (wasNamed || (known && known.count > known.users.length));
    const count = (known?.count ?? 0) + (on && !wasNamed ? 1 : 0) - (isLess ? 1 : 0);
    if (on && !wasNamed) users.splice(this.#state.isMe(user) ? 0 : users.length, 0, user);
    const now = { sign, count, users: on && wasNamed ? known.users : users };
    const others = known ? all.map((one) => (one === known ? now : one)) : [...all, now];
    message.reactions = others.filter((one) => one.count > 0);
  }
}

/** What a frame says of the reactions of its message. */
export function reactionsOf({ reactions, reacted }) {
  return reacted ? { reactions: reactions ?? [], reacted } : {};
}
