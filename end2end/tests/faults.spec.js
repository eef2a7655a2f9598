// A network that lies, and a server that refuses.
import { storesWith } from '../support/idb.js';
import { refuseOne } from '../support/refusals.js';
import { expect, test } from '../support/test.js';
import { ONE_INTERVAL } from '../support/device.js';
import { PUSH, sent } from '../support/watch.js';

const API = '**/api/**';

/** trap_04: a lost reply led to a duplicate. */
test('trap_04 a push whose answer is lost is sent again and exists once everywhere', async ({ family }) => {
  const { a, b } = await family();
  a.watch.tolerate('net::ERR_FAILED');
  let lost = 0;
  await a.context.route(PUSH, async (route) => {
    if (lost > 0) return route.fallback();
    lost += 1;
    // The server has it; the phone never hears so.
    expect((await route.fetch()).status()).toBe(200);
    return route.abort('failed');
  });
  await a.logBottle(165);
  await expect.poll(() => Math.max(...a.watch.sendings().values()), { timeout: 20_000 }).toBe(2);
  await a.isSynced();
  await a.go('Timeline');
  await b.go('Timeline');
  for (const device of [a, b]) await expect(device.entries('Bottle 165 ml')).toHaveCount(1, ONE_INTERVAL);
  const changes = await (await a.api()).changes(await a.babyId());
  expect(changes.filter(({ payload }) => payload.amountMl === 165).length).toBe(1);
  expect(lost).toBe(1);
});

/** trap_24: what a captive portal says was taken for the server's word. */
for (const status of [200, 403, 401, 404]) {
  test(`trap_24 a captive portal that answers ${status} with a page purges nothing and loses nothing`, async ({ solo }) => {
    const phone = await solo();
    phone.watch.tolerate(`status of ${status}`);
    await phone.logBottle(90);
    await phone.isSynced();
    const babyId = await phone.babyId();
    const portal = { status, contentType: 'text/html', body: '<!doctype html><title>Hotel Wi-Fi</title><p>Accept our terms' };
    let asked = 0;
    await phone.context.route(API, (route) => {
      asked += 1;
      return route.fulfill(portal);
    });
    await phone.logBottle(175);
    await expect(phone.chip).toHaveText('1 waiting, will try again', { timeout: 15_000 });
    await expect.poll(() => asked, { timeout: 20_000 }).toBeGreaterThan(2);
    await phone.page.reload();
    await expect(phone.tile('Last feed')).toContainText('Bottle 175 ml');
    expect(await storesWith(phone.page, babyId)).toContain('feed_log');
    await expect(phone.page.getByRole('alert').filter({ hasText: 'access' })).toHaveCount(0);

    await phone.context.unrouteAll({ behavior: 'ignoreErrors' });
    await phone.go('Sync');
    await phone.button('Sync now').click();
    await phone.isSynced();
    await phone.go('Timeline');
    await expect(phone.entries('Bottle')).toHaveCount(2);
  });
}

test('a single 403 of our own is confirmed before anything is purged', async ({ solo }) => {
  // A proxy may answer in our words by mistake; the server is asked again.
  const phone = await solo({ hints: false });
  phone.watch.tolerate('status of 403');
  await phone.logBottle(90);
  await phone.isSynced();
  const babyId = await phone.babyId();
  let refused = 0;
  await phone.context.route('**/api/sync/pull*', (route) => {
    if (refused > 0) return route.fallback();
    refused += 1;
    return route.fulfill({ status: 403, json: { code: 'access_revoked', message: 'no', field: null, requestId: 'x', babyId } });
  });
  await expect.poll(() => refused, ONE_INTERVAL).toBe(1);
  const before = phone.watch.syncs().length;
  await expect.poll(() => phone.watch.syncs().length, ONE_INTERVAL).toBeGreaterThan(before);
  await expect(phone.tile('Last feed')).toContainText('Bottle 90 ml');
  await phone.isSynced();
});

test('a server that is overloaded is left alone for as long as it asks', async ({ solo }) => {
  const phone = await solo();
  phone.watch.tolerate('status of 429');
  const refusals = [];
  await phone.context.route(PUSH, (route) => {
    if (refusals.length > 0) return route.fallback();
    refusals.push(Date.now());
    return route.fulfill({
      status: 429, headers: { 'Retry-After': '3' },
      json: { code: 'rate_limited', message: 'slow down', field: null, requestId: 'x', retryAfterSecs: 3 },
    });
  });
  const from = phone.watch.pushes().length;
  await phone.logNappy('Wee');
  await phone.isSynced();
  const [refused, retried] = phone.watch.pushes().slice(from);
  expect(retried.at - refused.at).toBeGreaterThanOrEqual(2_900);
});

test('one entry that the server refuses does not hold up the others', async ({ solo }) => {
  // B68, C24, C30, X12.
  const phone = await solo();
  const refused = await refuseOne(phone.context);
  await phone.goOffline();
  await phone.logBottle(185);
  await phone.logNappy('Poo');
  await phone.goOnline();
  await expect(phone.chip).toHaveText('1 needs you', { timeout: 15_000 });
  await phone.go('Sync');
  await expect(phone.letters('Bottle 185 ml')).toHaveCount(1);
  const types = async () => (await (await phone.api()).changes(await phone.babyId())).map(({ entityType }) => entityType);
  expect(await types()).toContain('nappy_log');

  // And trying again sends it as something new.
  await phone.context.unrouteAll({ behavior: 'ignoreErrors' });
  await phone.letters('Bottle 185 ml').getByRole('button', { name: 'Retry' }).click();
  await phone.isSynced();
  expect(await types()).toContain('feed_log');
  expect(phone.watch.sendings().get(refused.mutationId)).toBe(1);
});
