// A client that knows only the wire contract, beside the app.
import { mutation } from '../support/api.js';
import { expect, test } from '../support/test.js';
import { ONE_INTERVAL } from '../support/device.js';

test('what a simple client pushes is on the app within one interval, and the reverse', async ({ solo, api }) => {
  // A14, A24, A25.
  const phone = await solo();
  await api.signUp('Script');
  const { babyId } = await api.accept(await (await phone.api()).inviteCode(await phone.babyId()));
  const startedAt = new Date().toISOString();
  const feed = mutation('feed_log', 'CREATE', JSON.stringify({ method: 'bottle', amountMl: 155, startedAt }));
  expect(await api.push(babyId, feed)).toMatchObject([{ mutationId: feed.mutationId, status: 'applied', error: null }]);
  await expect(phone.tile('Last feed')).toContainText('Bottle 155 ml', ONE_INTERVAL);
  await expect(phone.tile('Last feed')).toContainText('Script');

  await phone.setNotes('Bottle 155 ml', 'left a little');
  await phone.isSynced();
  const changes = await api.changes(babyId);
  expect(changes.map(({ id }) => id)).toEqual(changes.map((_, index) => index + 1));
  expect(changes.at(-1)).toMatchObject({
    entityType: 'feed_log', entityId: feed.entityId, op: 'update', version: changes.length,
    payload: { amountMl: 155, notes: 'left a little' },
  });
});

test('many entries at once arrive on a device that was away, page by page and each once', async ({ family, api }) => {
  // A39, A66, Trap 15.
  const { a, b } = await family();
  await b.goOffline();
  const babyId = await a.babyId();
  await api.signUp('Script');
  await api.accept(await (await a.api()).inviteCode(babyId));
  const day = new Date();
  const wees = Array.from({ length: 250 }, (_, index) => mutation('nappy_log', 'create', {
    type: 'wee', startedAt: new Date(day.getTime() - index * 1_000).toISOString(),
  }));
  for (let from = 0; from < wees.length; from += 100) await api.push(babyId, ...wees.slice(from, from + 100));
  await b.goOnline();
  await b.isSynced();
  await b.holds('nappy_log', 250);
  await a.holds('nappy_log', 250);
});
