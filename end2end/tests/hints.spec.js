// The server says when there is something new; the clock of the device that hears it stands still, so
// that nothing here can come from a poll.
import { expect, test } from '../support/test.js';

/** From here on the page's timers stand still: what arrives was not polled for. */
async function stopClock(device) {
  await device.page.clock.install();
  await device.page.reload();
  await device.isSynced();
  await expect.poll(() => device.watch.streams).toBeGreaterThan(0);
  await device.isAtRest();
  await device.page.clock.pauseAt(Date.now() + 1_000);
}

test('what one caregiver logs is on the other phone before its next poll', async ({ family }) => {
  // B73, X2.
  const { a, b } = await family();
  await b.go('Timeline');
  await stopClock(b);
  await a.logBottle(135);
  await expect(b.entries('Bottle 135 ml')).toHaveCount(1);
});

test('a hidden tab and a phone without a connection do not listen', async ({ solo }) => {
  const phone = await solo();
  await expect.poll(() => phone.watch.streams).toBeGreaterThan(0);
  let before = phone.watch.streams;
  await phone.setVisible(false);
  await phone.setVisible(true);
  await expect.poll(() => phone.watch.streams, 'it listens again once it is seen').toBeGreaterThan(before);
  await phone.goOffline();
  before = phone.watch.streams;
  await phone.logBottle(60);
  expect(phone.watch.streams).toBe(before);
  await phone.goOnline();
  await expect.poll(() => phone.watch.streams).toBeGreaterThan(before);
});

test('the end of access is heard of at once', async ({ family }) => {
  // A32, A64.
  const { a, b } = await family();
  b.watch.tolerate('status of 403');
  await stopClock(b);
  const { userId } = await (await b.api()).me();
  await (await a.api()).remove(await a.babyId(), userId);
  await expect(b.page.getByRole('alert').filter({ hasText: 'Access revoked' })).toBeVisible();
});

test('another level is heard of at once', async ({ family }) => {
  const { a, b } = await family();
  await stopClock(b);
  await expect(b.button('Feed')).toBeVisible();
  const { userId } = await (await b.api()).me();
  const body = { babyId: await a.babyId(), userId, level: 'viewer' };
  await (await a.api()).must('POST', '/api/babies/caregivers/set-level', body);
  await expect(b.button('Feed')).toHaveCount(0);
});

test('a baby that is shared comes to a phone that is in use, without a new sign-in', async ({ solo }) => {
  // A31.
  const a = await solo();
  const other = await solo();
  const babyId = await a.babyId();
  // Accepted on another device of the same person.
  await (await other.api()).accept(await (await a.api()).inviteCode(babyId));
  const fetched = () => other.watch.requests.filter(({ path, query }) => path === '/api/sync/snapshot' && query.includes(babyId));
  await expect.poll(() => fetched().length, { timeout: 20_000 }).toBeGreaterThan(0);
  await other.isSynced();
});
