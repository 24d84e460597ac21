// Slash commands. Their names, arguments and descriptions come from the server's table of commands,
// from which `declared.js` is generated. This file says what the page does for each; a command
// without an entry here is sent to the server as declared, and the text of the answer is shown.

import { DECLARED } from "./declared.js";
import { frameBytes, MAX_FRAME_BYTES } from "./model/delivery.js";
import { isName } from "./model/names.js";

/** What can be done without a connection. */
const LOCAL = ["msg", "me", "list", "rooms", "theme", "help", "quit"];

const bare = (name) => name.replace(/^[#@]/, "");

/** Does something with the one name that is given. */
const withName = (missing, act) => (app, words) => {
  if (words.length !== 1) return missing;
  const name = bare(words[0]);
  return isName(name) ? act(app, name) : `“${name}” cannot be a name.`;
};

/** Does something in the room that is shown. */
const inRoom = (act) => (app, ...given) => (app.state.active?.isRoom ? act(app, ...given) : "Go to the room first.");

/** Bans or mutes, for so many minutes if there is a number. */
const against = (how) => inRoom((app, [name, ...rest]) => {
  if (!name) return "Whom, for how many minutes, and why? For example /ban @troll 60 spam";
  const minutes = /^\d+$/.test(rest[0] ?? "") ? Number(rest.shift()) : 0;
  app.chat.governance.ban(app.state.active, bare(name), { minutes, reason: rest.join(" "), ...how });
});

/** What a command does: gets the application, the words that follow, and the text that they are;
 * returns an error text if they are wrong. In the order of the completion list. */
const RUN = {
  join: withName("Which room? For example /join #dev", (app, name) => app.chat.join(name)),
  leave: (app) => app.state.active?.isRoom ? app.chat.leave(app.state.active) : "Only rooms can be left.",
  rooms: (app) => app.open("rooms"),
  msg: (app, [name = ""], text) => {
    if (!isName(bare(name))) return "To whom? For example /msg @ada Good morning!";
    if (!app.state.isAccount && app.state.isMe(bare(name))) return "That is you. Only accounts can keep notes to themselves.";
    const body = text.slice(name.length).trim();
    const over = frameBytes({ name: bare(name) }, body) - MAX_FRAME_BYTES;
    if (over > 0) return `That is ${over} bytes too long for one message.`;
    const direct = app.chat.openDirect(bare(name));
    if (body) app.chat.say(direct, body);
  },
  // With words it is a message, which the composer sends.
  me: () => "What do you do? For example /me waves",
  list: inRoom((app) => app.open("people")),
  search: inRoom((app, words) => app.open("search", words.join(" "))),
  topic: inRoom((app, words) => {
    if (words.length === 0) return "What is the topic to be? For example /topic Tea at four; /topic - takes it away.";
    app.chat.governance.setTopic(app.state.active, words.join(" ") === "-" ? "" : words.join(" "));
  }),
  op: inRoom(withName("Whom? For example /op @ada", (app, name) => app.chat.governance.setRole(app.state.active, name, "operator"))),
  kick: inRoom((app, [name, ...why]) =>
    name ? app.chat.governance.kick(app.state.active, bare(name), why.join(" ")) : "Whom? For example /kick @troll Please be kind."),
  ban: against({}),
  mute: against({ mute: true }),
  invite: inRoom(withName("Whom? For example /invite @ada", (app, name) => app.chat.governance.invite(app.state.active, name))),
  whois: withName("Who? For example /whois @ada", (app, name) => app.open("card", name)),
  nick: withName("Which nickname? For example /nick ada", (app, name) => app.chat.rename(name)),
  ignore: withName("Whom? For example /ignore @troll", (app, name) => app.chat.ignore(name, true)),
  unignore: withName("Whom? For example /unignore @troll", (app, name) => app.chat.ignore(name, false)),
  away: (app, words) => words.length > 0 ? app.chat.governance.setAway(words.join(" ")) : app.open("away"),
  back: (app) => app.chat.governance.setAway(""),
  theme: (app, [theme]) =>
    ["light", "dark", "system"].includes(theme) ? app.setTheme(theme) : "Light, dark or system?",
  help: (app) => app.open("help"),
  quit: (app) => app.signOut(),
};

const place = ({ name }) => {
  const at = Object.keys(RUN).indexOf(name);
  return at < 0 ? Infinity : at;
};

export const COMMANDS = DECLARED
  .filter(({ name, type }) => RUN[name] || type)
  .map((command) => ({ ...command, run: RUN[command.name] ?? ((app, words) => ask(app, command, words)) }))
  .sort((one, other) => place(one) - place(other) || 0);

/** Asks the server: a word for each argument. */
function ask(app, { name, takes, type, args }, words) {
  if (words.length !== args.length) return `How it is written: /${name} ${takes}`;
  return app.chat.ask(type, Object.fromEntries(args.map((arg, at) => [arg, bare(words[at])])));
}

/** Carries out a line that starts with a slash; returns a text if it cannot be. */
export function run(app, line) {
  const [, name, text] = /^\/\s*(\S*)\s*([^]*)$/.exec(line.trim());
  const words = text.split(/\s+/).filter(Boolean);
  const command = COMMANDS.find((command) => command.name === name.toLowerCase());
  if (!command) return `There is no command /${name}. Type /help to see those there are, or // to begin a message with a slash.`;
  if (command.takes === "" && words.length > 0) return `Nothing was done: /${command.name} is written alone.`;
  if (!app.chat.isOpen && !LOCAL.includes(command.name)) return "Not connected: try again in a moment.";
  const answer = command.run(app, words, text);
  return typeof answer === "string" ? answer : "";
}
