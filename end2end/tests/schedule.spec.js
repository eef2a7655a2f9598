// When the app speaks to the server, and when it keeps quiet. The page's clock is ours here, so that
// minutes pass in no time and nothing depends on how fast this machine is.
import { expect, test } from '../support/test.js';

/** Lets the page's clock run for this long; what a second brings is done before the next one. */
async function pass(device, seconds) {
  for (let second = 0; second < seconds; second += 1) {
    await device.page.clock.runFor(1_000);
    await device.isAtRest();
  }
}

/** A device with a baby, everything sent, on a clock that only `pass` moves. */
async function stopped(device) {
  await device.page.clock.install();
  await device.page.reload();
  await device.isSynced();
  await device.page.clock.pauseAt(Date.now() + 60_000);
  await expect.poll(() => device.page.evaluate(() => document.visibilityState)).toBe('visible');
}

test('a visible tab asks every five seconds, a hidden one never, and a tab shown again at once', async ({ solo }) => {
  // A18, A33, A53, A60, A61, B32.
  const phone = await solo({ hints: false });
  await stopped(phone);
  const pulls = () => phone.watch.requests.filter(({ path }) => path === '/api/sync/pull').length;
  const since = async (act) => {
    const before = phone.watch.syncs().length;
    await act();
    return phone.watch.syncs().length - before;
  };
  let before = pulls();
  await pass(phone, 60);
  // Every 5 s, a tenth more or less, counted from the answer before.
  expect(pulls() - before).toBeGreaterThanOrEqual(8);
  expect(pulls() - before).toBeLessThanOrEqual(14);
  // A server that no longer speaks it can say so.
  for (const { path, query } of phone.watch.requests) {
    if (path !== '/api/sync/pull') continue;
    expect(new URLSearchParams(query).get('protocol')).toBe('1');
    expect(new URLSearchParams(query).get('clientId')).toMatch(/^[0-9a-f-]{36}$/);
  }

  await phone.setVisible(false);
  await phone.networkIsQuiet();
  expect(await since(() => pass(phone, 120)), 'requests in two hidden minutes').toBe(0);

  before = pulls();
  await phone.setVisible(true);
  await expect.poll(pulls).toBeGreaterThan(before);
});

test('without a baby, and without a connection, nothing is asked', async ({ device }) => {
  // A50, A52.
  const phone = await device();
  await phone.signUp('Ada');
  await phone.page.clock.install();
  await phone.page.reload();
  await expect(phone.heading('Add your baby')).toBeVisible();
  await phone.networkIsQuiet();
  let before = phone.watch.syncs().length;
  await pass(phone, 120);
  expect(phone.watch.syncs().length - before, 'requests in two minutes without a baby').toBe(0);

  await phone.addBaby('Juno');
  await phone.isSynced();
  await phone.goOffline();
  await phone.networkIsQuiet();
  before = phone.watch.syncs().length;
  await pass(phone, 120);
  expect(phone.watch.syncs().length - before, 'requests in two minutes offline').toBe(0);
  // A19, A20.
  await phone.goOnline();
  await expect.poll(() => phone.watch.syncs().length).toBeGreaterThan(before);
});

test('a save is pushed at once, and its answer brings what is new', async ({ solo }) => {
  // A34, A59, X3, X8: one round trip for both directions.
  const phone = await solo();
  await stopped(phone);
  // Right after a poll: once its answer is no longer fresh, and before the next one is due.
  const before = phone.watch.syncs().length;
  while (phone.watch.syncs().length === before) await pass(phone, 1);
  await pass(phone, 3);
  await phone.networkIsQuiet();
  const from = phone.watch.requests.length;
  await phone.button('Nappy').click();
  await phone.sheet.getByRole('button', { name: 'Wee', exact: true }).click();
  const paths = () => phone.watch.requests.slice(from).map(({ path }) => path).filter((path) => path.startsWith('/api/sync'));
  await expect.poll(async () => {
    await phone.page.clock.runFor(100);
    return paths();
  }).toEqual(['/api/sync/v2']);
  await pass(phone, 2);
  expect(paths(), 'no pull of its own').toEqual(['/api/sync/v2']);
});

test('Sync now asks at once, whatever was asked just before', async ({ solo }) => {
  // C23, X2.
  const phone = await solo();
  await stopped(phone);
  await phone.go('Sync');
  for (let turn = 0; turn < 2; turn += 1) {
    await phone.networkIsQuiet();
    const before = phone.watch.syncs().length;
    await phone.button('Sync now').click();
    await expect.poll(async () => {
      await phone.page.clock.runFor(50);
      return phone.watch.syncs().length;
    }).toBeGreaterThan(before);
  }
});
