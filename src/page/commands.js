// Slash commands. Their names, arguments and descriptions come from the server's table of commands,
// from which `declared.js` is generated. This file says what the page does for each; a command
// without an entry here is sent to the server as declared, and the text of the answer is shown.

import { DECLARED } from "./declared.js";

/** What a command does: gets the application and the arguments, and returns an error
 * text if they are wrong. In the order of the completion list. */
const RUN = {
  join: (app, [room]) => room ? app.chat.join(bare(room)) : "Which room? For example /join #dev",
  leave: (app) => app.state.active?.isRoom ? app.chat.leave(app.state.active) : "Only rooms can be left.",
  rooms: (app) => app.open("rooms"),
  msg: (app, [name, ...words]) => {
    if (!name) return "To whom? For example /msg @ada Good morning!";
    app.chat.openDirect(bare(name));
    const text = words.join(" ");
    if (text && app.state.active) app.chat.say(app.state.active, text);
  },
  list: (app) => app.open("people"),
  search: (app, words) => app.open("search", words.join(" ")),
  topic: (app, words) => inRoom(app, (room) => {
    if (words.length === 0) return "What is the topic to be? For example /topic Tea at four; /topic - takes it away.";
    app.chat.governance.setTopic(room, words.join(" ") === "-" ? "" : words.join(" "));
  }),
  kick: (app, [name, ...why]) => inRoom(app, (room) =>
    name ? app.chat.governance.kick(room, bare(name), why.join(" ")) : "Whom? For example /kick @troll Please be kind."),
  invite: (app, [name]) => inRoom(app, (room) =>
    name ? app.chat.governance.invite(room, bare(name)) : "Whom? For example /invite @ada"),
  whois: (app, [name]) => name ? app.open("card", bare(name)) : "Who? For example /whois @ada",
  nick: (app, [name]) => name ? app.chat.rename(bare(name)) : "Which nickname? For example /nick ada",
  ignore: (app, [name]) => name ? app.chat.ignore(bare(name), true) : "Whom? For example /ignore @troll",
  unignore: (app, [name]) => name ? app.chat.ignore(bare(name), false) : "Whom? For example /unignore @troll",
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

/** Does something in the room that is shown. */
const inRoom = (app, act) => (app.state.active?.isRoom ? act(app.state.active) : "Go to the room first.");

const bare = (name) => name.replace(/^[#@]/, "");

/** Carries out a line that starts with a slash; returns a text if it cannot be. */
export function run(app, line) {
  const [name, ...words] = line.slice(1).trim().split(/\s+/);
  const command = COMMANDS.find((command) => command.name === name.toLowerCase());
  if (!command) return `There is no command /${name}. Type /help to see those there are, or // to begin a message with a slash.`;
  const answer = command.run(app, words);
  return typeof answer === "string" ? answer : "";
}
