// The service worker of debug builds: it removes itself and what an earlier one stored, so that nothing
// hides the newest build.
self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil((async () => {
  for (const name of await caches.keys()) {
    if (name.startsWith('cradlelog-')) await caches.delete(name);
  }
  await self.registration.unregister();
})()));
