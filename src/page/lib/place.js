// Where this chat is: at the root of its host, or below a path that a proxy
// adds. Everything the pages ask for is found from here.

const ROOT = new URL("../../", import.meta.url);

/** The address of one of the server's paths, which begins with a slash. */
export const at = (path) => ROOT.href + path.slice(1);

/** The same for a WebSocket. */
export const socketAt = (path) => at(path).replace(/^http/, "ws");

/** The prefix of all keys in the browser's storage: chats below different paths of
 * a host do not share their data. */
export const KEPT = ROOT.pathname === "/" ? "chat." : `chat.${ROOT.pathname}.`;
