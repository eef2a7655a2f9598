// The first visit of somebody new: everything that comes over the wire, headers included, counted where
// it passes: between the browser and the server. First until the page is usable, then until the
// service worker has stored the app.
import { Device } from '../support/device.js';
import { counting } from '../support/wire.js';
import { baseURL, mustBeClean, report } from './browser.js';

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
