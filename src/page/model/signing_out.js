// Giving up the token of a user who has signed out. The page does not wait for the server: the page
// that comes after it does, and asks again when the network is back.

import { giveUp } from "./api.js";
import { leftToken } from "./storage.js";

/** Leaves a token for the next page to give up; gives it up at once where the browser stores nothing. */
export function giveUpLater(token) {
  leftToken.set(token);
  if (leftToken.get() !== token) giveUp(token);
}

/** Ends the token of the user who has signed out in this tab. `tell` is called with whether it is
 * ended, unless that was so at the first attempt. Resolves after that attempt. */
export async function giveUpNow(tell) {
  if (!leftToken.get() || (await attempt())) return;
  tell(false);
  const ended = new AbortController();
  addEventListener("online", async () => {
    if (!(await attempt())) return;
    ended.abort();
    tell(true);
  }, { signal: ended.signal });
}

async function attempt() {
  const token = leftToken.get();
  if (token && !(await giveUp(token))) return false;
  // Another user may have signed out meanwhile.
  if (leftToken.get() === token) leftToken.set(null);
  return true;
}
