// Signing in by the device's own lock: made once, used without typing, removed; and the words for each
// time that it does not work.
import { isAccessible, themed } from '../support/axe.js';
import { PASSWORD } from '../support/api.js';
import { Device } from '../support/device.js';
import { expect, test } from '../support/test.js';

/** Gives a device a lock that keeps passkeys, and opens as soon as it is asked. */
async function withLock(device) {
  const client = await device.context.newCDPSession(device.page);
  await client.send('WebAuthn.enable');
  const options = {
    protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
    automaticPresenceSimulation: true,
  };
  const { authenticatorId } = await client.send('WebAuthn.addVirtualAuthenticator', { options });
  return {
    keys: async () => (await client.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
    /** Whether the right finger is on it. */
    opens: (isUserVerified) => client.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified }),
  };
}

async function openAccount(device) {
  await device.go('Settings');
  await device.page.getByRole('link', { name: 'Devices and account' }).click();
  await expect(device.heading('Passkeys')).toBeVisible();
}

async function askForPasskey(device, { password = PASSWORD, label = '' } = {}) {
  await device.button('Add a passkey').click();
  await device.sheet.getByLabel('Name').fill(label);
  await device.sheet.getByLabel('Password').fill(password);
  await device.sheet.getByRole('button', { name: 'Add a passkey' }).click();
}

async function addPasskey(device, label) {
  await askForPasskey(device, { label });
  await expect(device.toast('Passkey added')).toBeVisible();
  await expect(device.sheet).toBeHidden();
}

async function signOut(device) {
  await device.go('Settings');
  await device.button('Sign out').click();
  await device.sheet.getByRole('button', { name: 'Sign out' }).click();
  await expect(device.button('Sign in')).toBeVisible();
}

const refusal = (where, words) => where.getByRole('alert').filter({ hasText: words });

test('a passkey signs in without typing, until it is removed', async ({ solo }) => {
  const phone = await solo();
  phone.watch.tolerate('status of 401');
  const lock = await withLock(phone);
  await phone.logBottle(95);
  await phone.isSynced();
  await openAccount(phone);
  await addPasskey(phone, 'My phone');
  await expect(phone.entries('My phone')).toContainText('Made');
  const [key] = await lock.keys();
  expect(key).toMatchObject({ isResidentCredential: true, rpId: 'localhost', userName: phone.email });
  await signOut(phone);

  await phone.button('Sign in with a passkey').click();
  await expect(phone.tile('Last feed')).toContainText('Bottle 95 ml');
  await openAccount(phone);
  await expect(phone.entries('This device')).toHaveCount(1);
  await expect(phone.entries('My phone')).toContainText('Last used');

  const remove = async (password) => {
    await phone.sheet.getByLabel('Password').fill(password);
    await phone.sheet.getByRole('button', { name: 'Remove' }).click();
  };
  await phone.button('Remove My phone').click();
  await remove('not the password');
  await expect(refusal(phone.sheet, 'This is not your password.')).toBeVisible();
  await remove(PASSWORD);
  await expect(phone.toast('Removed')).toBeVisible();
  await expect(phone.entries('My phone')).toHaveCount(0);
  await signOut(phone);

  expect(await lock.keys(), 'the device still has its half').toHaveLength(1);
  await phone.button('Sign in with a passkey').click();
  await expect(refusal(phone.page, 'This passkey is not known here, or was removed. Sign in with your password.')).toBeVisible();
  await phone.fillSignIn(phone.email);
  await expect(phone.tile('Last feed')).toContainText('Bottle 95 ml');
});

test('a person who says no is told so, and nothing is kept', async ({ solo }) => {
  const phone = await solo();
  phone.watch.tolerate('status of 401');
  const lock = await withLock(phone);
  await lock.opens(false);
  await openAccount(phone);
  await askForPasskey(phone, { password: 'not the password' });
  await expect(refusal(phone.sheet, 'This is not your password.')).toBeVisible();
  await phone.sheet.getByLabel('Password').fill(PASSWORD);
  await phone.sheet.getByRole('button', { name: 'Add a passkey' }).click();
  await expect(refusal(phone.sheet, 'No passkey was made. You can try again.')).toBeVisible();
  expect((await (await phone.api()).must('GET', '/api/account/passkeys'))).toEqual([]);
  await lock.opens(true);
  await phone.sheet.getByRole('button', { name: 'Add a passkey' }).click();
  await expect(phone.toast('Passkey added')).toBeVisible();
  await expect(phone.entries('Chrome, Linux')).toHaveCount(1);
  // The device has one now, and is not given another.
  await askForPasskey(phone);
  await expect(refusal(phone.sheet, 'This device has a passkey of your account already.')).toBeVisible();
  await phone.page.keyboard.press('Escape');
  await signOut(phone);

  await lock.opens(false);
  await phone.button('Sign in with a passkey').click();
  await expect(refusal(phone.page, 'No passkey was used. Try again, or sign in with your password.')).toBeVisible();
  await phone.goOffline();
  await phone.button('Sign in with a passkey').click();
  await expect(refusal(phone.page, 'The server cannot be reached.')).toBeVisible();
  await phone.goOnline();
  await lock.opens(true);
  await phone.button('Sign in with a passkey').click();
  await expect(phone.button('Feed')).toBeVisible();
});

test('somebody whose session ended goes on by passkey, and sends what waited', async ({ solo }) => {
  const phone = await solo();
  phone.watch.tolerate('status of 401');
  await withLock(phone);
  await openAccount(phone);
  await addPasskey(phone, '');
  await (await phone.api()).signOut();
  await phone.go('Today');
  await phone.logBottle(105);
  await expect(phone.chip).toHaveText('Sign in to sync', { timeout: 15_000 });
  await phone.page.getByRole('link', { name: 'Sign in', exact: true }).click();
  await phone.button('Sign in with a passkey').click();
  await phone.isSynced();
  await expect(phone.tile('Last feed')).toContainText('Bottle 105 ml');
});

test('where there are no passkeys nobody is offered one, and is told why', async ({ baseURL, browser, solo, device }) => {
  const old = await device();
  await old.context.addInitScript(() => delete window.PublicKeyCredential);
  await old.page.goto('/');
  await old.networkIsQuiet();
  await expect(old.button('Sign in')).toBeVisible();
  await expect(old.button('Sign in with a passkey')).toHaveCount(0);
  await old.signUp('Ada');
  await old.addBaby('Juno');
  await openAccount(old);
  await expect(old.text('This browser is too old for passkeys.')).toBeVisible();
  await expect(old.button('Add a passkey')).toHaveCount(0);

  // By its number the machine is another place to a browser.
  const numbers = baseURL.replace('localhost', '127.0.0.1');
  const elsewhere = await Device.open(browser, numbers);
  await elsewhere.page.goto('/');
  await elsewhere.networkIsQuiet();
  await expect(elsewhere.button('Sign in')).toBeVisible();
  await expect(elsewhere.button('Sign in with a passkey')).toHaveCount(0);
  await elsewhere.context.close();
  expect(elsewhere.watch.problems).toEqual([]);

  const phone = await solo();
  const rules = (passkeysAt) => (route) => route.fulfill({ json: { signUp: 'open', setUp: false, passkeysAt } });
  await phone.context.route('**/api/auth/sign-up/rules', rules(null));
  await openAccount(phone);
  await expect(phone.text('This server has no passkeys: that needs an https address with a name.')).toBeVisible();
  await phone.context.route('**/api/auth/sign-up/rules', rules('https://b.example'));
  await phone.page.reload();
  await expect(phone.text('Passkeys work at https://b.example only.')).toBeVisible();
  await expect(phone.button('Add a passkey')).toHaveCount(0);
});

for (const theme of ['light', 'dark', 'night']) {
  test(`axe finds nothing wrong with passkeys: ${theme}`, async ({ solo }) => {
    const phone = await solo({ viewport: { width: 320, height: 640 } });
    await themed(phone.context, theme);
    await withLock(phone);
    await openAccount(phone);
    await addPasskey(phone, 'An old telephone with a long name');
    await phone.page.reload();
    await expect(phone.entries('An old telephone')).toHaveCount(1);
    await isAccessible(phone.page, 'list');
    const isWide = () => phone.page.evaluate(() => document.documentElement.scrollWidth);
    expect(await isWide()).toBe(320);
    const { width, height } = await phone.button('Add a passkey').boundingBox();
    expect(Math.min(width, height)).toBeGreaterThanOrEqual(48);
    await phone.button('Add a passkey').click();
    await isAccessible(phone.page, 'question');
    expect(await isWide()).toBe(320);
    await phone.page.keyboard.press('Escape');
    await signOut(phone);
    await expect(phone.button('Sign in with a passkey')).toBeVisible();
    await isAccessible(phone.page, 'sign-in');
  });
}
