// Two tabs of one device are one device.
import { expect, test } from '../support/test.js';
import { ONE_INTERVAL } from '../support/device.js';
import { PUSH, sent } from '../support/watch.js';

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

test('a tab that is frozen in the middle of a push does not keep the others from sending', async ({ family }) => {
  // B09, B63, B72.
  const { a: one, b } = await family();
  const two = await one.newTab();
  await expect(two.button('Feed')).toBeVisible();
  // The first tab to push gets no answer. It holds the lock meanwhile.
  let frozen;
  await one.context.route(PUSH, (route) => {
    if (frozen) return route.fallback();
    frozen = sent(route.request().postDataJSON()).mutations.map(({ mutationId }) => mutationId);
    return undefined;
  });
  // Which of them pushes is theirs to agree on: only one can.
  await two.setVisible(false);
  await one.logBottle(80);
  await expect.poll(() => frozen).toHaveLength(1);
  // As a browser freezes a tab: it goes out of sight, and then nothing in it runs any more.
  const session = await one.context.newCDPSession(one.page);
  await one.setVisible(false);
  await session.send('Debugger.enable');
  await session.send('Debugger.pause');

  await two.setVisible(true);
  await two.logNappy('Wee');
  await two.isSynced();
  await b.go('Timeline');
  for (const words of ['Bottle 80 ml', 'Wee']) await expect(b.entries(words)).toHaveCount(1, ONE_INTERVAL);

  // Thawed, it finds itself overtaken and has nothing to add.
  await session.send('Debugger.disable');
  await one.setVisible(true);
  await expect(one.chip).toHaveText('All saved', { timeout: 15_000 });
  await expect(one.tile('Last nappy')).toContainText('Wee');
  const changes = await (await one.api()).changes(await one.babyId());
  expect(changes.filter(({ entityType }) => entityType !== 'baby')).toHaveLength(2);
  expect(one.watch.sendings().get(frozen[0]), 'once without an answer, and once more').toBe(2);
});

test('two tabs that log at the same time lose nothing and send nothing twice', async ({ family }) => {
  // B09, B63.
  const { a: one, b } = await family();
  const two = await one.newTab();
  await expect(two.button('Feed')).toBeVisible();
  for (const amount of [110, 120, 130]) {
    await Promise.all([one.logBottle(amount), two.logBottle(amount + 5)]);
  }
  await one.isSynced();
  await b.go('Timeline');
  for (const amount of [110, 115, 120, 125, 130, 135]) {
    await expect(b.entries(`Bottle ${amount} ml`)).toHaveCount(1, ONE_INTERVAL);
  }
  const changes = await (await one.api()).changes(await one.babyId());
  expect(changes.filter(({ entityType }) => entityType === 'feed_log')).toHaveLength(6);
  expect([...one.watch.sendings().values()].every((count) => count === 1)).toBe(true);
});
