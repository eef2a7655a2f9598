// A session that ended stops the sync and nothing else.
import { databases } from '../support/idb.js';
import { expect, test } from '../support/test.js';
import { ONE_INTERVAL } from '../support/device.js';

test('an expired session stops the sync but not the logging, and signing in sends what waited', async ({ family }) => {
  // C41.
  const { a, b } = await family();
  a.watch.tolerate('status of 401');
  // Signed out elsewhere: the session is gone at the server, the cookie is still on the phone.
  await (await a.api()).signOut();
  await expect(a.chip).toHaveText('Sign in to sync', ONE_INTERVAL);

  const from = a.watch.pushes().length;
  await a.logBottle(105);
  await a.page.reload();
  await expect(a.tile('Last feed')).toContainText('Bottle 105 ml');
  await expect(a.chip).toHaveText('Sign in to sync');
  expect(a.watch.pushes().slice(from + 1), 'a blocked outbox does not keep trying').toEqual([]);

  await a.page.getByRole('link', { name: 'Sign in', exact: true }).click();
  await a.fillSignIn(a.email);
  await a.isSynced();
  await expect(b.tile('Last feed')).toContainText('Bottle 105 ml', ONE_INTERVAL);
});

test('signing out says what was not sent and leaves nothing on the device, offline too', async ({ solo }) => {
  const phone = await solo();
  await phone.goOffline();
  await phone.logBottle(115);
  await phone.go('Settings');
  await phone.button('Sign out').click();
  await expect(phone.sheet).toContainText('1 entry was not sent yet and will be lost: Juno 1.');
  await phone.sheet.getByRole('button', { name: 'Cancel' }).click();
  await expect(phone.chip).toHaveText('1 waiting, will send when online');

  await phone.button('Sign out').click();
  await phone.sheet.getByRole('button', { name: 'Sign out' }).click();
  await expect(phone.button('Sign in')).toBeVisible();
  await expect.poll(() => databases(phone.page)).toEqual([]);
  // It stays so after a start without a connection.
  await phone.page.goto('/timeline');
  await expect(phone.button('Sign in')).toBeVisible();
  expect(await databases(phone.page)).toEqual([]);
});

test('signing out with nothing unsent ends the session at the server too', async ({ solo }) => {
  const phone = await solo();
  const api = await phone.api();
  await phone.go('Settings');
  await phone.button('Sign out').click();
  await phone.sheet.getByRole('button', { name: 'Sign out' }).click();
  await expect(phone.button('Sign in')).toBeVisible();
  await expect.poll(async () => (await api.call('GET', '/api/auth/me')).status).toBe(401);
});

test('a second account on the same device sees nothing of the first', async ({ solo }) => {
  // B18, C44.
  const phone = await solo();
  await phone.logBottle(125);
  await phone.isSynced();
  const first = phone.email;
  await phone.go('Settings');
  await phone.button('Sign out').click();
  await phone.sheet.getByRole('button', { name: 'Sign out' }).click();
  await expect(phone.button('Sign in')).toBeVisible();

  await phone.signUp('Cleo');
  await phone.addBaby('Nox');
  await expect(phone.page.getByRole('banner')).not.toContainText('Juno');
  await phone.go('Timeline');
  await expect(phone.entries('Bottle')).toHaveCount(0);
  await phone.isSynced();
  expect((await databases(phone.page)).length).toBe(1);

  // And the first finds everything again.
  await phone.go('Settings');
  await phone.button('Sign out').click();
  await phone.sheet.getByRole('button', { name: 'Sign out' }).click();
  await phone.signIn(first);
  await expect(phone.tile('Last feed')).toContainText('Bottle 125 ml');
});
