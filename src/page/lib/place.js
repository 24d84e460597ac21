// Where this chat is: at the root of its host, or below a path that a proxy
// adds. Everything the pages ask for is found from here.

const ROOT = new URL("../../", import.meta.url);

/** The address of one of the server's paths, which begins with a slash. */
export const at = (path) => ROOT.href + path.slice(1);

/** The same for a WebSocket. */
export const socketAt = (path) => at(path).replace(/^http/, "ws");

/** What the names of everything begin with that is kept in the browser: chats
 * below different paths of a host do not share what they remember. */
export const KEPT = ROOT.pathname === "/" ? "chat." : `chat.${ROOT.pathname}.`;
