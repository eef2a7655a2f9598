// A device that has nothing yet fetches a log that others wrote.
import { mutation, newEmail } from '../support/api.js';
import { expect, test } from '../support/test.js';

/** A baby with so many nappies, a minute apart. */
async function logOf(api, count) {
  const babyId = await api.createBaby('Juno');
  const from = Date.now() - count * 60_000;
  const nappies = Array.from({ length: count }, (_, n) => (
    mutation('nappy_log', 'create', { type: 'wee', startedAt: new Date(from + n * 60_000).toISOString() })
  ));
  for (let n = 0; n < count; n += 100) await api.push(babyId, ...nappies.slice(n, n + 100));
  return babyId;
}

test('a new device says how far its copy is, and goes on with it after the tab was killed', async ({ api, device }) => {
  // A16, A31, A66, X16.
  const email = newEmail();
  await api.signUp('Ada', email);
  await logOf(api, 1_100);
  const phone = await device();
  const pages = () => phone.watch.requests.filter(({ path }) => path === '/api/sync/snapshot');
  // The second page does not come.
  await phone.context.route(/\/api\/sync\/snapshot\?.*after=/, () => {});
  await phone.signIn(email);
  const progress = phone.page.getByRole('main').getByText('Fetching the log: 500 of 1,101');
  await expect(progress).toBeVisible({ timeout: 20_000 });
  await expect(phone.chip).toHaveText('Fetching the log: 500 of 1,101');
  expect(pages().filter(({ query }) => !query.includes('after=')).length, 'first pages').toBe(1);

  await phone.context.unrouteAll({ behavior: 'ignoreErrors' });
  const before = pages().length;
  await phone.page.reload();
  await phone.holds('nappy_log', 1_100);
  await phone.isSynced();
  await expect(progress).toHaveCount(0);
  const after = pages().slice(before);
  expect(after.length).toBe(2);
  expect(after.every(({ query }) => query.includes('after=')), 'what was there is not fetched again').toBe(true);
});

test('a copy whose cursor the server no longer knows is fetched anew, and what waits is kept', async ({ solo }) => {
  const phone = await solo({ hints: false });
  phone.watch.tolerate('status of 410');
  await phone.logBottle(120);
  await phone.isSynced();
  await phone.goOffline();
  await phone.logBottle(125);
  let expired = 0;
  await phone.context.route('**/api/sync/{v2,pull*}', (route) => {
    if (expired > 0) return route.fallback();
    expired += 1;
    return route.fulfill({ status: 410, json: { code: 'cursor_expired', message: 'too old', field: null, requestId: 'x' } });
  });
  const snapshots = () => phone.watch.requests.filter(({ path }) => path === '/api/sync/snapshot').length;
  const before = snapshots();
  await phone.goOnline();
  await expect.poll(snapshots, { timeout: 15_000 }).toBeGreaterThan(before);
  await phone.isSynced();
  await phone.go('Timeline');
  for (const words of ['Bottle 120 ml', 'Bottle 125 ml']) await expect(phone.entries(words)).toHaveCount(1);
});
