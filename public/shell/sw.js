// The service worker: makes the app start without a connection, on every route.
//
// It stores one version of the app's own files, whole, and nothing else: never an answer of the API,
// nothing that belongs to a person. A new version is stored beside the old one and waits until every
// page is closed, or until the page asks for it on behalf of the person.

const VERSION = '{{version}}';
const CACHE = `cradlelog-${VERSION}`;
const FILES = {{precache}};
/** The language whose words a file holds, if it does. */
const languageOf = (path) => path.match(/\/words-(.+)\.\w+\.txt$/)?.[1];
/** The page that is right for every route of the app. */
const SHELL = '/';
const RESET = '/reset/';
/** Answered by the server alone. */
const SERVER_ONLY = ['/api', '/healthz', '/readyz'];

const under = (path, root) => path === root || path.startsWith(`${root}/`);

self.addEventListener('install', (event) => event.waitUntil((async () => {
  // A first visit does not wait for languages that nobody here speaks; those come with the next page.
  const known = [];
  for (const name of await caches.keys()) {
    for (const { url } of await (await caches.open(name)).keys()) known.push(languageOf(url));
  }
  const spoken = ['en', ...navigator.languages].map((language) => language.split('-')[0]);
  const isWanted = (path) => {
    const language = languageOf(path);
    return !language || known.includes(language) || spoken.includes(language.split('-')[0]);
  };
  await store(FILES.filter(isWanted));
})()));

async function store(paths) {
  const cache = await caches.open(CACHE);
  // What lies in the browser's HTTP cache may be of another version (`reload`), unless its name tells
  // its content: those the page has just loaded, and a phone should not pay for them twice.
  await cache.addAll(paths.map((path) => new Request(path, { cache: path.startsWith('/pkg/') ? 'default' : 'reload' })));
}

/** Stores what the installation left for later. */
async function complete() {
  const cache = await caches.open(CACHE);
  const there = (await cache.keys()).map(({ url }) => new URL(url).pathname);
  // Without a connection the next page tries again.
  await store(FILES.filter((path) => !there.includes(path))).catch(() => {});
}

self.addEventListener('activate', (event) => event.waitUntil((async () => {
  for (const name of await caches.keys()) {
    if (name.startsWith('cradlelog-') && name !== CACHE) await caches.delete(name);
  }
  // The page that brought the first worker is served by it from now on, so it may go offline at once.
  await self.clients.claim();
})()));

self.addEventListener('message', (event) => {
  if (event.data?.type === 'SKIP_WAITING') event.waitUntil(self.skipWaiting());
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== location.origin) return;
  if (SERVER_ONLY.some((root) => under(url.pathname, root))) return;
  if (request.mode === 'navigate') {
    // A file that is opened as a page is itself; all else is a route of the app.
    const page = under(url.pathname, '/reset') ? RESET : FILES.includes(url.pathname) ? url.pathname : SHELL;
    event.respondWith(stored(page, request));
    event.waitUntil(complete());
  } else if (FILES.includes(url.pathname)) {
    event.respondWith(stored(url.pathname, request));
  }
});

async function stored(path, request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(path, { ignoreVary: true });
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok && languageOf(path)) await cache.put(path, answer.clone());
  return answer;
}
