// Slash commands: declared once; completion and the help are made from this.

/** `run` gets the application and what was typed after the command; it
 * returns words if that will not do. */
export const COMMANDS = [
  { name: "join", takes: "#room", does: "Join a room, or make it", run: (app, [room]) =>
      room ? app.chat.join(bare(room)) : "Which room? For example /join #dev" },
  { name: "leave", takes: "", does: "Leave this room", run: (app) =>
      app.state.active?.isRoom ? app.chat.leave(app.state.active) : "Only rooms can be left." },
  { name: "rooms", takes: "", does: "Show all rooms", run: (app) => app.open("rooms") },
  { name: "msg", takes: "@name text", does: "Send a direct message", run: (app, [name, ...words]) => {
      if (!name) return "To whom? For example /msg @ada Good morning!";
      app.chat.openDirect(bare(name));
      const text = words.join(" ");
      if (text && app.state.active) app.chat.say(app.state.active, text);
    } },
  { name: "list", takes: "", does: "Show who is here", run: (app) => app.open("people") },
  { name: "search", takes: "words", does: "Search this room", run: (app, words) => app.open("search", words.join(" ")) },
  { name: "nick", takes: "name", does: "Change your nickname", run: (app, [name]) =>
      name ? app.chat.rename(bare(name)) : "Which nickname? For example /nick ada" },
  { name: "ignore", takes: "@name", does: "Hide what somebody writes", run: (app, [name]) =>
      name ? app.chat.ignore(bare(name), true) : "Whom? For example /ignore @troll" },
  { name: "unignore", takes: "@name", does: "Show it again", run: (app, [name]) =>
      name ? app.chat.ignore(bare(name), false) : "Whom? For example /unignore @troll" },
  { name: "theme", takes: "light, dark or system", does: "Change the colours", run: (app, [theme]) =>
      ["light", "dark", "system"].includes(theme) ? app.setTheme(theme) : "Light, dark or system?" },
  { name: "help", takes: "", does: "Show keys and commands", run: (app) => app.open("help") },
  { name: "quit", takes: "", does: "Sign out", run: (app) => app.signOut() },
];

const bare = (name) => name.replace(/^[#@]/, "");

/** Carries out a line that starts with a slash; words if it cannot be. */
export function run(app, line) {
  const [name, ...words] = line.slice(1).trim().split(/\s+/);
  const command = COMMANDS.find((command) => command.name === name.toLowerCase());
  if (!command) return `There is no command /${name}. Type /help to see those there are, or // to begin a message with a slash.`;
  const answer = command.run(app, words);
  return typeof answer === "string" ? answer : "";
}
