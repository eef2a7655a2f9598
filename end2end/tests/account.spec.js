// One account on two devices: each is seen from the other, and can be signed out from there.
import { ONE_INTERVAL } from '../support/device.js';
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
  await change('three quiet owls at dusk');
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
