// Where this chat is: at the root of its host, or below a path that a proxy
// adds. Everything the pages ask for is found from here.

// The server puts a version before the files' names.
const ROOT = new URL(import.meta.url.replace(/client\/(?:[0-9a-f]{16}\/)?lib\/place\.js.*$/, ""));

/** The address of one of the server's paths, which begins with a slash. */
export const at = (path) => ROOT.href + path.slice(1);

/** The address of one of the page's files. */
export const asset = (name) => new URL(`../${name}`, import.meta.url).href;

/** The same for a WebSocket. */
export const socketAt = (path) => at(path).replace(/^http/, "ws");

/** The prefix of all keys in the browser's storage: chats below different paths of
 * a host do not share their data. */
export const KEPT = ROOT.pathname === "/" ? "chat." : `chat.${ROOT.pathname}.`;
