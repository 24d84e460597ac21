// The service worker. It keeps the page's files, so that the page opens without a network and while the
// server is away; nothing that is said. The server fills in the version and the names of the files.

const VERSION = "@VERSION@";
const FILES = "@FILES@".split(" ");
/** The page's address, which the files are below. */
const PAGE = new URL("../client", self.location.href).href;
const BELOW = `${PAGE}/${VERSION}/`;
/** Chats below other paths of the host have their own. */
const MINE = `chat ${PAGE} `;
const CACHE = MINE + VERSION;
/** What a proxy says while the server is away. */
const AWAY = [502, 503, 504];

self.addEventListener("install", (event) => event.waitUntil(keep()));
self.addEventListener("activate", (event) => event.waitUntil(takeOver()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const isPage = request.mode === "navigate" && request.url.split(/[?#]/)[0] === PAGE;
  if (isPage) event.respondWith(page(request));
  else if (request.method === "GET" && request.url.startsWith(BELOW)) event.respondWith(file(request));
});

async function keep() {
  const cache = await caches.open(CACHE);
  // From the browser's own cache, where they are already.
  await cache.addAll([new Request(PAGE, { cache: "no-cache" }), ...FILES.map((name) => BELOW + name)]);
  await self.skipWaiting();
}

async function takeOver() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(MINE) && name !== CACHE).map((name) => caches.delete(name)));
  await self.clients.claim();
}

async function page(request) {
  const answer = await fetch(request).catch(() => null);
  if (answer && !AWAY.includes(answer.status)) return answer;
  return (await caches.match(PAGE, { cacheName: CACHE })) ?? answer ?? Response.error();
}

async function file(request) {
  return (await caches.match(request, { cacheName: CACHE })) ?? fetch(request);
}
