// The shell and its service worker: what must hold before the app itself says a word.
import { expect, test as base } from '@playwright/test';
import { controlled, serveSite } from '../support/static-site.js';

const test = base.extend({
  site: async ({}, use) => {
    const site = await serveSite(process.env.SITE_DIR);
    await use(site);
    await site.close();
  },
});

const release = (page) => page.evaluate(() => document.documentElement.dataset.release);
const cachedPaths = (page) => page.evaluate(async () => {
  const paths = [];
  for (const name of await caches.keys()) {
    for (const request of await (await caches.open(name)).keys()) paths.push(new URL(request.url).pathname);
  }
  return paths;
});

test('a cold start works on every route without a connection', async ({ page, site }) => {
  await page.goto(site.url);
  await controlled(page);
  site.state.up = false;
  for (const route of ['/', '/timeline', '/settings', '/no/such/page', '/?log=feed']) {
    const response = await page.goto(site.url + route);
    expect(response.status(), route).toBe(200);
    expect(response.fromServiceWorker(), route).toBe(true);
    expect(await release(page), route).toBe('1');
  }
});

test('the worker stores the app and never an answer of the API', async ({ page, site }) => {
  await page.goto(site.url);
  await controlled(page);
  const before = site.state.apiCalls;
  const statuses = await page.evaluate(async () => [
    (await fetch('/api/babies')).status,
    (await fetch('/api/babies')).status,
    (await fetch('/healthz')).status,
  ]);
  expect(statuses).toEqual([503, 503, 200]);
  expect(site.state.apiCalls).toBeGreaterThanOrEqual(before + 2);
  const paths = await cachedPaths(page);
  expect(paths).toContain('/');
  expect(paths.some((path) => path.endsWith('.wasm'))).toBe(true);
  expect(paths.filter((path) => path.startsWith('/api') || path === '/healthz')).toEqual([]);
});

test('a new version waits, and takes over when the person accepts', async ({ page, site }) => {
  await page.goto(site.url);
  await controlled(page);
  site.state.release = 2;
  await page.evaluate(async () => {
    const ready = new Promise((done) => addEventListener('cradlelog:update', done, { once: true }));
    await (await navigator.serviceWorker.ready).update();
    await ready;
  });
  await expect(page.locator('html')).toHaveAttribute('data-update', 'ready');
  await page.reload();
  expect(await release(page), 'a reload alone stays on the old version').toBe('1');
  await expect(page.locator('html')).toHaveAttribute('data-update', 'ready');

  const reloaded = page.waitForEvent('load');
  await page.evaluate(() => { dispatchEvent(new Event('cradlelog:update-accept')); });
  await reloaded;
  expect(await release(page)).toBe('2');
  await expect(page.locator('html')).not.toHaveAttribute('data-update', 'ready');
  await expect.poll(() => page.evaluate(async () => (await caches.keys()).length), 'the old copy is gone').toBe(1);
});

test('a tab that did not ask is not reloaded, and is offered to follow', async ({ page, context, site }) => {
  await page.goto(site.url);
  await controlled(page);
  const other = await context.newPage();
  await other.goto(site.url);
  await controlled(other);
  // Lost if the page is reloaded.
  await other.evaluate(() => {
    window.changes = 0;
    navigator.serviceWorker.addEventListener('controllerchange', () => { window.changes += 1; });
  });
  site.state.release = 2;
  await page.evaluate(async () => {
    const ready = new Promise((done) => addEventListener('cradlelog:update', done, { once: true }));
    await (await navigator.serviceWorker.ready).update();
    await ready;
  });
  const reloaded = page.waitForEvent('load');
  await page.evaluate(() => { dispatchEvent(new Event('cradlelog:update-accept')); });
  await reloaded;
  expect(await release(page)).toBe('2');
  await expect.poll(() => other.evaluate(() => window.changes)).toBe(1);
  expect(await release(other)).toBe('1');
  await expect(other.locator('html')).toHaveAttribute('data-update', 'ready');
});

test('the reset page fetches a fresh copy and leaves the log alone', async ({ page, site }) => {
  await page.goto(site.url);
  await controlled(page);
  await page.evaluate(() => new Promise((done, failed) => {
    const open = indexedDB.open('a-log', 1);
    open.onsuccess = () => { open.result.close(); done(); };
    open.onerror = () => failed(open.error);
    localStorage.setItem('theme', 'dark');
  }));
  site.state.up = false;
  await page.goto(`${site.url}/reset/`);
  await expect(page.locator('#reset-offline')).toBeVisible();
  expect(await cachedPaths(page), 'without a connection the only copy is kept').toContain('/');

  site.state.up = true;
  site.state.release = 2;
  await page.waitForURL(`${site.url}/`);
  expect(await release(page)).toBe('2');
  const kept = await page.evaluate(async () => (await indexedDB.databases()).map((database) => database.name));
  expect(kept).toContain('a-log');
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
});

test('the theme is set before the style sheet is read', async ({ page, site }) => {
  for (const [stored, shown] of [['night', 'night'], ['light', 'light'], ['nonsense', 'auto']]) {
    await page.addInitScript((theme) => localStorage.setItem('theme', theme), stored);
    await page.route('**/*.css', async (route) => {
      // The browser asks for it ahead of time; the answer is held back until the theme is there.
      await expect(page.locator('html')).toHaveAttribute('data-theme', shown);
      await route.continue();
    }, { times: 1 });
    await page.goto(site.url, { waitUntil: 'commit' });
    await expect(page.locator('html')).toHaveAttribute('data-theme', shown);
  }
});

test.describe('without the wasm', () => {
  test.use({ serviceWorkers: 'block' });
  test('an app that cannot start says so and offers a way out', async ({ page, site }) => {
    await page.route('**/*.wasm', (route) => route.abort());
    await page.goto(site.url);
    await expect(page.getByRole('alert')).toContainText('could not start');
    await expect(page.getByRole('link', { name: 'Try again' })).toBeVisible();
    await expect(page.getByRole('link', { name: /fresh copy/ })).toHaveAttribute('href', '/reset/');
  });
});
