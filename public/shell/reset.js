// Removes the service worker and the stored copy of the app, and opens it anew. The log is in IndexedDB
// and is not touched, nor are the settings in localStorage.
//
// Without a connection the stored copy is the only one there is, so nothing happens before the server
// answers.

const show = (id) => {
  for (const name of ['reset-working', 'reset-offline', 'reset-failed']) {
    document.getElementById(name).hidden = name !== id;
  }
};

async function reachable() {
  try {
    return (await fetch('/healthz', { cache: 'no-store', signal: AbortSignal.timeout(10_000) })).ok;
  } catch {
    return false;
  }
}

async function reset() {
  show('reset-working');
  if (!(await reachable())) {
    show('reset-offline');
    return false;
  }
  for (const registration of (await navigator.serviceWorker?.getRegistrations()) ?? []) {
    await registration.unregister();
  }
  for (const name of await caches.keys()) await caches.delete(name);
  location.replace('/');
  return true;
}

let busy = false;
let done = false;
async function attempt() {
  if (busy || done) return;
  busy = true;
  try {
    done = await reset();
  } catch (error) {
    console.error(error);
    show('reset-failed');
  }
  busy = false;
}

addEventListener('online', attempt);
// The server may be what was away, and no event tells of its return.
setInterval(attempt, 5_000);
attempt();
