// Registers the service worker, which keeps the page's files for when there is no network.

import { at } from "./lib/place.js";

export async function keepFiles() {
  const worker = at("/client/worker.js");
  // The only address that the page's policy lets through.
  const policy = globalThis.trustedTypes?.createPolicy("chat-worker", { createScriptURL: () => worker });
  try {
    await navigator.serviceWorker?.register(policy ? policy.createScriptURL("") : worker, { scope: at("/client") });
  } catch {
    // Not in this browser, or not without TLS: the page does without.
  }
}
