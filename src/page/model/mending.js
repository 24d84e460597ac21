// Messages that are edited or deleted, by oneself and by others.

import { compareIds } from "./conversation.js";

export class Mending {
  #state;
  #send;

  constructor(state, send) {
    this.#state = state;
    this.#send = send;
  }

  frames = {
    edited: (frame) => this.#changed(frame, frame.from, (message) => Object.assign(message, { body: frame.body, editedAt: Date.parse(frame.edited_at) })),
    deleted: (frame) => this.#changed(frame, frame.author, (message, conversation) => this.#remove(message, conversation)),
  };

  /** Returns whether the server has been asked. */
  edit(message, body) {
    return this.#send("edit", { id: message.id, body });
  }

  delete(message) {
    return this.#send("delete", { id: message.id });
  }

  /** Changes a message that is in memory, unless a later change of it is known. */
  #changed(frame, author, change) {
    const conversation = this.#state.aboutWhich(frame, author);
    const message = conversation?.find(frame.id);
    if (!message || message.notice) return;
    if (message.changed && compareIds(frame.changed, message.changed) < 0 && frame.type === "edited") return;
    change(message, conversation);
    message.changed = frame.changed;
    message.version = (message.version ?? 0) + 1;
    this.#state.emit("stream", conversation);
    this.#state.emit("list");
  }

  #remove(message, conversation) {
    const isCounted = conversation.unread > 0 && conversation.isUnread(message) && !this.#state.isMe(message.from);
    if (isCounted) conversation.unread -= 1;
    if (isCounted && conversation.mentions > 0 && this.#state.mentionsMe(message.body)) conversation.mentions -= 1;
    message.notice = "gone";
    delete message.body;
    delete message.reactions;
  }
}
