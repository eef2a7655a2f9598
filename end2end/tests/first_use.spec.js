// From nothing to the first saved feed, and it stays.
import { expect, test } from '../support/test.js';
import { ONE_INTERVAL } from '../support/device.js';

test('a new person signs up, adds a baby and logs a feed in two taps without a network', async ({ device }) => {
  // A17, A22: the write is local first and waits in the outbox.
  const phone = await device();
  await phone.signUp('Ada');
  await phone.addBaby('Juno');
  await phone.isSynced();
  await phone.isInstalled();

  await phone.goOffline();
  // The browser counts the taps, so that no helper of ours can hide one.
  await phone.page.evaluate(() => {
    globalThis.taps = 0;
    addEventListener('pointerdown', ({ isTrusted }) => { globalThis.taps += Number(isTrusted); }, { capture: true });
  });
  await phone.logBottle();
  expect(await phone.page.evaluate(() => globalThis.taps)).toBeLessThanOrEqual(2);
  await expect(phone.tile('Last feed')).toContainText('Bottle 90 ml');
  await expect(phone.chip).toHaveText('1 waiting, will send when online');

  await phone.page.reload();
  await expect(phone.tile('Last feed')).toContainText('Bottle 90 ml');
  await phone.go('Timeline');
  await expect(phone.entries('Bottle 90 ml')).toHaveCount(1);

  await phone.goOnline();
  await phone.isSynced();
});

test('a nappy is two taps and starting a sleep is one', async ({ solo }) => {
  const phone = await solo();
  await phone.logNappy('Wee');
  await expect(phone.tile('Last nappy')).toContainText('Wee');
  await phone.button('Start sleep').click();
  await expect(phone.timer('Asleep')).toBeVisible();
  // How long she sleeps is said once; the tile has no words for it twice.
  await expect(phone.page.getByRole('main').getByText('under a minute')).toHaveCount(1);
  await phone.isSynced();
});

test('a baby can be added and used before the first connection after signing up', async ({ device }) => {
  // A22: a baby is created offline like everything else.
  const phone = await device();
  await phone.signUp('Ada');
  await phone.isInstalled();
  await phone.goOffline();
  await phone.addBaby('Juno');
  await phone.logBottle();
  await expect(phone.chip).toHaveText('2 waiting, will send when online');
  await phone.goOnline();
  await phone.isSynced();
  const api = await phone.api();
  const changes = await api.changes(await phone.babyId('Juno'));
  expect(changes.map(({ id, entityType }) => [id, entityType])).toEqual([[1, 'baby'], [2, 'feed_log']]);
});

test('a second caregiver joins with a code from the screen and sees everything', async ({ solo, device }) => {
  // A25, A31.
  const a = await solo();
  await a.logBottle(120);
  await a.go('Caregivers');
  await a.button('Make a code').click();
  const code = await a.page.getByTestId('invite-code').innerText();
  expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/);

  const b = await device();
  await b.signUp('Ben');
  await b.join(code.toLowerCase());
  await expect(b.page.getByRole('banner')).toContainText('Juno');
  await expect(b.tile('Last feed')).toContainText('Bottle 120 ml');
  await expect(b.tile('Last feed')).toContainText('Ada');
  await a.page.reload();
  await expect(a.entries('Ben')).toBeVisible(ONE_INTERVAL);
});

test('a wrong code and a wrong password are answered in words', async ({ device }) => {
  const phone = await device();
  phone.watch.tolerate('status of 401');
  phone.watch.tolerate('status of 404');
  await phone.page.goto('/');
  await phone.fillSignIn('nobody@example.org');
  await expect(phone.page.getByRole('alert').filter({ hasText: 'Email or password is not right.' })).toBeVisible();
  await phone.signUp('Ada');
  await phone.enterCode('ZZZZ-ZZZZ');
  await expect(phone.page.getByRole('alert').filter({ hasText: 'This invitation is not valid' })).toBeVisible();
});
