// Starts the app, and tells it when a newer version waits.
//
// Between this script and the app there are five events on `window` and one attribute:
//   `cradlelog:update`         a newer version is ready; <html data-update="ready"> says the same to
//                              whoever comes later. The app offers it in its own time.
//   `cradlelog:update-accept`  the person wants it: the newer version takes over and this page reloads.
//   `cradlelog:update-look`    the server says that this page is too old: there is one to be found now.
//   `cradlelog:scan`           the picture of a camera is wanted in the page's <video>, and what it shows.
//   `cradlelog:scanned`        what it showed, or why it cannot, as scan.js says it.
//
// A page that did not ask is never reloaded, not even when another tab let the new version in.

const APP = '{{app_js}}';
const WASM = '{{wasm}}';
/** Where the words of each language are. */
const WORDS = {{words}};
const SCAN = '{{scan_js}}';
/** A page may stay open for weeks, so it looks for a newer version when it is looked at again. */
const LOOK_AGAIN_MS = 30 * 60 * 1000;

async function start() {
  try {
    const root = document.documentElement;
    // Another language may not be here yet, without a connection: English always is.
    const words = read(WORDS[root.lang]).catch((error) => {
      if (root.lang === 'en') throw error;
      Object.assign(root, { lang: 'en', dir: 'ltr' });
      return read(WORDS.en);
    });
    const [app, lines] = await Promise.all([import(APP), words]);
    await app.default({ module_or_path: WASM });
    app.start(root.lang, lines);
  } catch (error) {
    console.error(error);
    document.getElementById('boot-reason').textContent = String(error);
    document.getElementById('app').hidden = true;
    document.getElementById('boot-failed').hidden = false;
  }
}

async function read(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.text();
}

async function keepFresh() {
  const workers = navigator.serviceWorker;
  if (!workers) return;
  let accepted = false;
  let reloading = false;
  const reload = () => {
    if (!reloading) location.reload();
    reloading = true;
  };
  const announce = () => {
    document.documentElement.dataset.update = 'ready';
    dispatchEvent(new Event('cradlelog:update'));
  };

  const registration = await workers.register('/sw.js', { scope: '/', updateViaCache: 'none' });

  // A worker that waits while another is in charge is a newer version; the very first is not.
  const watch = (worker) => worker?.addEventListener('statechange', () => {
    if (worker.state === 'installed' && registration.active) announce();
  });
  if (registration.waiting && registration.active) announce();
  watch(registration.installing);
  registration.addEventListener('updatefound', () => watch(registration.installing));

  let controlled = Boolean(workers.controller);
  workers.addEventListener('controllerchange', () => {
    if (accepted) reload();
    // Another tab accepted: this one still runs the old version, and offers to follow.
    else if (controlled) announce();
    controlled = true;
  });
  addEventListener('cradlelog:update-accept', () => {
    accepted = true;
    if (registration.waiting) registration.waiting.postMessage({ type: 'SKIP_WAITING' });
    else reload();
  });

  let looked = Date.now();
  const look = () => {
    looked = Date.now();
    // Without a connection there is nothing to find; the next look will.
    registration.update().catch(() => {});
  };
  addEventListener('cradlelog:update-look', look);
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible' && Date.now() - looked >= LOOK_AGAIN_MS) look();
  });
}

// Not of the app, and not stored with it: this needs a connection.
addEventListener('cradlelog:scan', async () => {
  try {
    const { scan } = await import(SCAN);
    await scan(document.querySelector('video'));
  } catch (error) {
    console.warn('no scanning:', error);
    dispatchEvent(new CustomEvent('cradlelog:scanned', { detail: '!offline' }));
  }
});

start();
// In a private window, say, there may be no worker: the app then works while there is a connection.
keepFresh().catch((error) => console.warn('no service worker:', error));
