// Two tabs of one device are one device.
import { expect, test } from '../support/test.js';
import { ONE_INTERVAL } from '../support/device.js';

test('what one tab logs is in the other at once, without a network', async ({ solo }) => {
  // A58.
  const one = await solo();
  const two = await one.newTab('/timeline');
  await expect(two.heading('Timeline')).toBeAttached();
  await one.goOffline();
  await one.logBottle(75);
  await expect(two.entries('Bottle 75 ml')).toHaveCount(1);
  await two.delete('Bottle 75 ml');
  await expect(one.tile('Last feed')).not.toContainText('Bottle 75 ml');
});

test('closing the tab that syncs does not stop the sync, and nothing is sent twice', async ({ family }) => {
  // B09, B63, B72.
  // B: one leader, one push per mutation.
  const { a: one, b } = await family();
  const two = await one.newTab();
  await expect(two.button('Feed')).toBeVisible();
  await one.logBottle(80);
  await two.logNappy('Wee');
  await one.isSynced();
  await one.page.close();
  await two.logBottle(85);
  await two.isSynced();
  await b.go('Timeline');
  for (const words of ['Bottle 80 ml', 'Wee', 'Bottle 85 ml']) {
    await expect(b.entries(words)).toHaveCount(1, ONE_INTERVAL);
  }
  const times = [...one.watch.sendings().values()];
  expect(times.length).toBe(4);
  expect(times.every((count) => count === 1), `each mutation was sent once: ${times}`).toBe(true);
});

test('three tabs poll no more often than one', async ({ solo }) => {
  // B09, B63, X2.
  const one = await solo({ hints: false });
  await one.newTab();
  await one.newTab('/timeline');
  await one.isSynced();
  const from = one.watch.requests.length;
  const polled = () => one.watch.requests.slice(from).filter(({ path }) => path === '/api/sync/pull');
  // Three polls of the active baby: at least 4.5 s apart each, whichever tab makes them.
  await expect.poll(() => polled().length, { timeout: 30_000 }).toBeGreaterThanOrEqual(4);
  const [first, , , fourth] = polled();
  expect(fourth.at - first.at).toBeGreaterThan(3 * 4_000);
});
