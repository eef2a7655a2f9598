// The installed app: what it says of itself, what it stores, how a new version arrives.
import { databases } from '../support/idb.js';
import { startProxy } from '../support/proxy.js';
import { Device } from '../support/device.js';
import { expect, test } from '../support/test.js';
import { counting } from '../support/wire.js';

test('the manifest has all that an installation needs, and every file that it names is there', async ({ device }) => {
  const phone = await device();
  await phone.page.goto('/');
  const link = await phone.page.locator('link[rel=manifest]').getAttribute('href');
  const get = async (path) => {
    const response = await phone.context.request.get(path);
    expect(response.status(), path).toBe(200);
    return response;
  };
  const manifest = await (await get(link)).json();
  expect(manifest).toMatchObject({ id: '/', start_url: '/', scope: '/', display: 'standalone', name: 'Cradlelog' });
  expect(manifest.orientation).toBeUndefined();
  expect(manifest.shortcuts.map(({ name }) => name)).toEqual(['Log feed', 'Log nappy', 'Start or stop sleep', 'Timeline']);
  const icons = manifest.icons.map(({ sizes, purpose }) => `${sizes} ${purpose}`);
  for (const wanted of ['192x192 any', '512x512 any', '512x512 maskable', '512x512 monochrome']) expect(icons).toContain(wanted);
  const apple = await phone.page.locator('link[rel=apple-touch-icon]').getAttribute('href');
  const pictures = [...manifest.icons, ...manifest.shortcuts.flatMap(({ icons: list }) => list)].map(({ src }) => src);
  for (const src of new Set([...pictures, apple])) {
    expect((await get(src)).headers()['content-type'], src).toMatch(/^image\//);
    // A browser must be able to draw it, at the size that it says it has.
    const drawn = await phone.page.evaluate((url) => new Promise((resolve) => {
      const image = new Image();
      image.onload = () => resolve(image.naturalWidth);
      image.onerror = () => resolve(0);
      image.src = url;
    }), src);
    const { sizes = '' } = manifest.icons.find((icon) => icon.src === src) ?? {};
    expect(drawn, src).toBeGreaterThan(0);
    if (/^\d/.test(sizes)) expect(`${drawn}x${drawn}`, src).toBe(sizes);
  }
});

test('each shortcut is one tap away from what it says', async ({ solo }) => {
  const phone = await solo();
  await phone.page.goto('/?log=feed');
  await phone.sheet.getByRole('button', { name: /^Save/ }).click();
  await expect(phone.tile('Last feed')).toContainText('Bottle 90 ml');
  await phone.page.goto('/?log=nappy');
  await phone.sheet.getByRole('button', { name: 'Wee', exact: true }).click();
  await expect(phone.tile('Last nappy')).toContainText('Wee');
  await phone.page.goto('/?log=sleep');
  await phone.sheet.getByRole('button', { name: 'Start sleep' }).click();
  await expect(phone.timer('Asleep')).toBeVisible();
  // The address is clean again, so that a reload does not open the sheet a second time.
  expect(new URL(phone.page.url()).search).toBe('');
  await phone.page.goto('/timeline');
  await expect(phone.heading('Timeline')).toBeAttached();
});

test('the stored copy holds the app and nothing of anybody', async ({ solo }) => {
  const phone = await solo();
  await phone.logBottle(135);
  await phone.isSynced();
  const copy = await phone.page.evaluate(async () => {
    const files = [];
    for (const name of await caches.keys()) {
      const cache = await caches.open(name);
      for (const request of await cache.keys()) {
        const response = await cache.match(request);
        files.push({ path: new URL(request.url).pathname, cookie: response.headers.has('set-cookie'), text: await response.text() });
      }
    }
    return files;
  });
  const paths = copy.map(({ path }) => path);
  expect(paths).toContain('/');
  expect(paths.filter((path) => path.startsWith('/api'))).toEqual([]);
  expect(copy.filter(({ cookie }) => cookie)).toEqual([]);
  // What it holds is what a stranger gets.
  const { text: shell } = copy.find(({ path }) => path === '/');
  expect(shell).toBe(await (await fetch(new URL('/', phone.baseURL))).text());
  for (const { path, text } of copy) expect(text.includes('Juno') || text.includes(phone.email), path).toBe(false);
});

test('a fresh copy of the app is fetched on request, and the log stays', async ({ solo }) => {
  const phone = await solo();
  await phone.goOffline();
  await phone.logBottle(145);
  await phone.page.goto('/reset');
  // Without a connection the stored copy is the only one: it stays.
  await expect(phone.text('There is no connection to Cradlelog at the moment')).toBeVisible();
  const kept = await databases(phone.page);
  const before = await phone.page.evaluate(async () => (await caches.keys()).length);
  expect(before).toBe(1);

  await phone.goOnline();
  await phone.page.waitForURL((url) => url.pathname === '/');
  await expect(phone.tile('Last feed')).toContainText('Bottle 145 ml');
  expect(await databases(phone.page)).toEqual(kept);
  await phone.isInstalled();
  await phone.isSynced();
});

test('a new version waits, is offered, and comes when it is asked for', async ({ browser, baseURL }) => {
  let next = false;
  const proxy = await startProxy(baseURL, (path, body) => {
    // The new version differs in its page, so that it can be told from the old one.
    if (next && path === '/sw.js') return String(body).replace(/const VERSION = '/, "$&next-");
    if (next && path === '/') return String(body).replace('<html ', '<html data-version="next" ');
    return undefined;
  });
  const phone = await Device.open(browser, proxy.address);
  try {
    await phone.signUp('Ada');
    await phone.addBaby('Juno');
    await phone.isInstalled();
    const version = () => phone.page.locator('html').getAttribute('data-version');
    const offer = phone.button('Update now');
    await expect(offer).toHaveCount(0);

    next = true;
    await phone.page.evaluate(async () => (await navigator.serviceWorker.ready).update());
    await phone.button('Feed').click();
    await expect.poll(() => phone.page.evaluate(async () => Boolean((await navigator.serviceWorker.ready).waiting))).toBe(true);
    // Nothing is offered over an open sheet, and nothing reloads by itself.
    await expect(phone.sheet).toBeVisible();
    await expect(offer).toHaveCount(0);
    await phone.sheet.getByRole('button', { name: /^Save/ }).click();
    await expect(offer).toBeVisible();
    expect(await version()).toBeNull();
    // Declined by reloading: still the old one, and still offered.
    await phone.page.reload();
    await expect(offer).toBeVisible();
    expect(await version()).toBeNull();

    await offer.click();
    await expect.poll(version).toBe('next');
    await expect(phone.tile('Last feed')).toContainText('Bottle 90 ml');
    await expect(offer).toHaveCount(0);
    expect(await phone.page.evaluate(() => caches.keys())).toHaveLength(1);
  } finally {
    await phone.context.close();
    await proxy.stop();
  }
  expect(phone.watch.problems).toEqual([]);
});

test('an app that is too old for the server goes on logging, is offered the new one, and then sends it all', async ({ browser, baseURL }) => {
  // After a deploy that no longer speaks with last month's app.
  let deployed = false;
  const proxy = await startProxy(baseURL, (path, body) => {
    if (deployed && path === '/sw.js') return String(body).replace(/const VERSION = '/, "$&next-");
    if (deployed && path === '/') return String(body).replace('<html ', '<html data-version="next" ');
    return undefined;
  });
  const phone = await Device.open(browser, proxy.address);
  phone.watch.tolerate('status of 426');
  try {
    await phone.signUp('Ada');
    await phone.addBaby('Juno');
    await phone.isSynced();
    await phone.isInstalled();
    let isOld = true;
    deployed = true;
    await phone.context.route('**/api/sync/**', (route) => {
      if (!isOld) return route.fallback();
      const told = { code: 'client_too_old', message: 'too old', field: null, requestId: 'x' };
      return route.fulfill({ status: 426, json: told });
    });
    await phone.logBottle(115);
    await expect(phone.chip).toHaveText('Update to sync');
    await expect(phone.text('This version is too old to sync. You can go on logging; update to send it.')).toBeVisible();
    // The page was told by the server that there is a newer version, and has looked for it.
    const offer = phone.button('Update now');
    await expect(offer).toBeVisible();
    const before = phone.watch.syncs().length;
    await phone.logNappy('Wee');
    await expect(phone.tile('Last nappy')).toContainText('Wee');
    expect(phone.watch.syncs().length, 'nothing is asked of a server that wants another app').toBe(before);

    isOld = false;
    await offer.click();
    await expect(phone.page.locator('html')).toHaveAttribute('data-version', 'next');
    await phone.isSynced();
    const changes = await (await phone.api()).changes(await phone.babyId());
    expect(changes.map(({ entityType }) => entityType)).toEqual(['baby', 'feed_log', 'nappy_log']);
  } finally {
    await phone.context.close();
    await proxy.stop();
  }
  expect(phone.watch.problems).toEqual([]);
});

test('a first visit costs no more than its budget, and a save and its answer next to nothing', async ({ browser, baseURL }) => {
  // C20.
  const wire = await counting(baseURL);
  const phone = await Device.open(browser, wire.address);
  await phone.page.goto('/');
  await phone.isInstalled();
  expect(wire.count.bytes, 'bytes until the app is here and works offline').toBeLessThan(650_000);
  await phone.signUp('Ada');
  await phone.addBaby('Juno');
  await phone.isSynced();
  const before = wire.count.bytes;
  await phone.logNappy();
  await phone.isSynced();
  expect(wire.count.bytes - before, 'bytes of a save').toBeLessThan(5_000);
  expect(phone.watch.problems).toEqual([]);
  await phone.context.close();
  wire.stop();
});
