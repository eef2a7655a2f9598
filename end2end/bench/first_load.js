// The first visit of somebody new: everything that comes over the wire, headers included, counted where
// it passes: between the browser and the server. First until the page is usable, then until the
// service worker has stored the app.
import net from 'node:net';
import { Device } from '../support/device.js';
import { baseURL, mustBeClean, report } from './browser.js';

/** Forwards connections to the server and counts the bytes it sends. */
async function counting(target) {
  const { hostname, port } = new URL(target);
  const count = { bytes: 0 };
  const server = net.createServer((near) => {
    const far = net.connect(Number(port), hostname);
    far.on('data', (data) => { count.bytes += data.length; });
    near.pipe(far).pipe(near);
    for (const end of [near, far]) end.on('error', () => { near.destroy(); far.destroy(); });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { count, address: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() };
}

await report(async (browser) => {
  const wire = await counting(baseURL);
  const device = await Device.open(browser, wire.address);
  let requests = 0;
  device.context.on('request', (request) => {
    // What the service worker answers from its store does not come over the wire.
    if (!request.url().startsWith('data:')) requests += 1;
  });
  await device.page.goto('/');
  await device.page.getByRole('link', { name: 'Create an account' }).waitFor();
  const page = { bytes: wire.count.bytes, requests };
  await device.isInstalled();
  await device.page.waitForLoadState('networkidle');
  const all = { bytes: wire.count.bytes, requests };
  mustBeClean(device);
  await device.context.close();
  wire.stop();
  return { page, all };
});
