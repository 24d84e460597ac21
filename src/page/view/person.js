// What can be done with a person in the room that is shown, as items of their menu.

import { fold } from "../model/names.js";
import { mayRemove, rank, rights } from "../model/rules.js";

/** The items of a person's menu that concern the room that is shown. */
export function roomItems(app, name) {
  const { state, chat } = app;
  const room = state.active;
  if (!room?.isRoom || !room.joined || state.isMe(name)) return [];
  const { governance } = chat;
  const may = rights(state, room);
  if (!may.operate) return [];
  const isHere = room.members.has(fold(name));
  const role = room.roleOf(name);
  const set = (label, to, hidden) => ({ label, hidden: hidden || !isHere, run: () => governance.setRole(room, name, to) });
  const isEqual = rank(role) >= rank("operator");
  return [
    { heading: room.title },
    set("Give voice", "voice", role !== null),
    set("Take voice away", null, role !== "voice"),
    set("Make operator", "operator", !may.appoint || isEqual),
    set("No longer operator", null, !may.appoint || role !== "operator"),
    { label: `Invite to ${room.title}`, hidden: isHere, run: () => governance.invite(room, name) },
    { label: "Mute…", hidden: !mayRemove(state, room, name), run: () => app.open("against", { room, name, what: "mute" }) },
    { label: "Remove from the room…", danger: true, hidden: !isHere || !mayRemove(state, room, name), run: () => app.open("against", { room, name, what: "kick" }) },
    { label: "Ban…", danger: true, hidden: !mayRemove(state, room, name), run: () => app.open("against", { room, name, what: "ban" }) },
  ];
}
