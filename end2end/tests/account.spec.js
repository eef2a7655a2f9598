// One account on two devices: each is seen from the other, and can be signed out from there.
import { readFile } from 'node:fs/promises';
import { PASSWORD } from '../support/api.js';
import { isAccessible } from '../support/axe.js';
import { ONE_INTERVAL } from '../support/device.js';
import { databases } from '../support/idb.js';
import { expect, test } from '../support/test.js';

const NEW_PASSWORD = 'four quiet owls at dawn';

/** A phone and a tablet of one person, both in sync. */
async function twoDevices({ solo, device }) {
  const phone = await solo();
  const tablet = await device({ userAgent: 'Mozilla/5.0 (Android 16; Tablet; rv:143.0) Gecko/143.0 Firefox/143.0' });
  await tablet.signIn(phone.email);
  await expect(tablet.button('Feed')).toBeVisible();
  await tablet.isSynced();
  return { phone, tablet };
}

async function openAccount(device) {
  await device.go('Settings');
  await device.page.getByRole('link', { name: 'Devices and account' }).click();
  await expect(device.heading('Signed-in devices')).toBeVisible();
}

test('a device that is signed out from another stops syncing, goes on logging, and sends all later', async ({ solo, device }) => {
  // C41.
  const { phone, tablet } = await twoDevices({ solo, device });
  tablet.watch.tolerate('status of 401');
  await openAccount(phone);
  await expect(phone.entries('This device')).toHaveCount(1);
  await phone.entries('Firefox on Android').getByRole('button', { name: 'Sign out Firefox on Android' }).click();
  await expect(phone.toast('Signed out')).toBeVisible();
  await expect(phone.entries('Firefox on Android')).toHaveCount(0);

  await expect(tablet.chip).toHaveText('Sign in to sync', { timeout: 15_000 });
  await tablet.logBottle(105);
  await tablet.logNappy('Wee');
  await expect(tablet.tile('Last feed')).toContainText('Bottle 105 ml');
  await phone.go('Today');
  await phone.logBottle(110);
  await phone.isSynced();
  await expect(phone.tile('Last nappy')).toContainText('No nappy yet');

  await tablet.page.getByRole('link', { name: 'Sign in', exact: true }).click();
  await tablet.fillSignIn(phone.email);
  await tablet.isSynced();
  await expect(phone.tile('Last nappy')).toContainText('Wee', ONE_INTERVAL);
  await expect(tablet.tile('Last feed')).toContainText('Bottle 110 ml', ONE_INTERVAL);
  await openAccount(phone);
  await expect(phone.entries('Firefox on Android')).toHaveCount(1);
});

test('a new password signs the other devices out and this one stays', async ({ solo, device }) => {
  // C41.
  const { phone, tablet } = await twoDevices({ solo, device });
  tablet.watch.tolerate('status of 401');
  phone.watch.tolerate('status of 401');
  await openAccount(phone);
  const change = async (password) => {
    await phone.page.getByLabel('Your password now').fill(password);
    await phone.page.getByLabel('New password').fill(NEW_PASSWORD);
    await phone.button('Change password').click();
  };
  await change('not the password');
  await expect(phone.text('This is not your password.')).toBeVisible();
  await change(PASSWORD);
  await expect(phone.toast('Password changed')).toBeVisible();

  await expect(tablet.chip).toHaveText('Sign in to sync', { timeout: 15_000 });
  await tablet.logBottle(120);
  await tablet.page.getByRole('link', { name: 'Sign in', exact: true }).click();
  await tablet.fillSignIn(phone.email);
  await expect(tablet.text('Email or password is not right.')).toBeVisible();
  await tablet.fillSignIn(phone.email, NEW_PASSWORD);
  await tablet.isSynced();
  await phone.go('Today');
  await expect(phone.tile('Last feed')).toContainText('Bottle 120 ml', ONE_INTERVAL);
  await phone.isSynced();
});

test('an account that is the only owner of a baby says so before it can be deleted with everything', async ({ family }) => {
  const { a, b } = await family();
  a.watch.tolerate('status of 409');
  a.watch.tolerate('status of 401');
  b.watch.tolerate('status of 403');
  await a.logBottle(105);
  await a.isSynced();
  await openAccount(a);
  const download = a.page.waitForEvent('download');
  await a.page.getByRole('link', { name: 'Export everything' }).click();
  const document = JSON.parse(await readFile(await (await download).path(), 'utf8'));
  expect(document.babies.map(({ name, caregivers }) => [name, caregivers.length])).toEqual([['Juno', 2]]);
  expect(document.babies[0].entries.map(({ payload }) => payload.amountMl)).toContain(105);

  await a.text('Delete my account').click();
  await a.page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await a.button('Delete account').click();
  await expect(a.text('You are the only owner of Juno.')).toBeVisible();
  await a.page.getByLabel('Delete Juno for everybody').check();
  await a.button('Delete account').click();
  await expect(a.button('Sign in')).toBeVisible();
  await expect.poll(() => databases(a.page)).toEqual([]);
  await expect(b.heading('Add your baby')).toBeVisible({ timeout: 20_000 });
});

test('what a former caregiver wrote stays with the others', async ({ family }) => {
  const { a, b } = await family();
  b.watch.tolerate('status of 401');
  await b.logBottle(115);
  await b.isSynced();
  await expect(a.tile('Last feed')).toContainText('Bottle 115 ml', ONE_INTERVAL);
  await expect(a.tile('Last feed')).toContainText('Ben');
  await openAccount(b);
  await b.text('Delete my account').click();
  await b.page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await b.button('Delete account').click();
  await expect(b.button('Sign in')).toBeVisible();
  // As the list of caregivers is asked for anew, long after.
  await a.page.clock.install({ time: Date.now() + 600_000 });
  await a.page.reload();
  await expect(a.tile('Last feed')).toContainText('a former caregiver', ONE_INTERVAL);
  await expect(a.tile('Last feed')).toContainText('Bottle 115 ml');
});

for (const [rules, words, asks] of [
  [{ signUp: 'closed', setUp: false }, 'This server takes no new accounts.', null],
  [{ signUp: 'invite', setUp: false }, 'A new account here needs an invitation', 'Code'],
  [{ signUp: 'closed', setUp: true }, 'This server is new and nobody has an account yet.', 'Set-up token'],
]) {
  test(`the sign-up says in words what it needs: ${JSON.stringify(rules)}`, async ({ device }) => {
    const stranger = await device();
    await stranger.context.route('**/api/auth/sign-up/rules', (route) => route.fulfill({ json: rules }));
    await stranger.page.goto('/sign-up');
    await expect(stranger.text(words)).toBeVisible();
    if (asks) await expect(stranger.page.getByLabel(asks, { exact: true })).toBeVisible();
    await expect(stranger.button('Create account')).toHaveCount(asks ? 1 : 0);
  });
}

test('who got a password from the operator chooses one of their own with it', async ({ device }) => {
  const stranger = await device();
  stranger.watch.tolerate('status of 403');
  const asked = [];
  await stranger.context.route('**/api/auth/sign-in', (route) => {
    asked.push(route.request().postDataJSON());
    return route.fulfill({ status: 403, json: { code: 'new_password_needed', message: '', field: 'newPassword', requestId: null } });
  });
  await stranger.page.goto('/');
  await expect(stranger.page.getByLabel('New password')).toHaveCount(0);
  await stranger.fillSignIn('ada@example.org', 'an operator made it');
  await expect(stranger.text('This password is for one time only.')).toBeVisible();
  await isAccessible(stranger.page, 'a password of one\'s own');
  await stranger.page.getByLabel('New password').fill(NEW_PASSWORD);
  await stranger.button('Sign in').click();
  await expect.poll(() => asked.length).toBe(2);
  const typed = { email: 'ada@example.org', password: 'an operator made it' };
  expect(asked).toEqual([{ ...typed, newPassword: null }, { ...typed, newPassword: NEW_PASSWORD }]);
});
