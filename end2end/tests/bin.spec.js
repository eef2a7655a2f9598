// What was deleted stays in the bin for thirty days, on every device, and comes back from there.
import { ONE_INTERVAL } from '../support/device.js';
import { expect, test } from '../support/test.js';

async function openBin(device, from = 'Timeline') {
  await device.go(from);
  await device.page.getByRole('main').getByRole('link', { name: 'Recently deleted' }).click();
  await expect(device.page.getByRole('heading', { name: 'Recently deleted', level: 1 })).toBeVisible();
}

const restore = (device, words) => device.entries(words).getByRole('button', { name: /^Restore/ });

test('what one caregiver deletes is in the bin of both, with who and when, and either brings it back', async ({ family }) => {
  const { a, b } = await family();
  await a.logBottle(90);
  await a.logNappy('Poo');
  await a.delete('Bottle 90 ml');
  await a.delete('Poo');
  await openBin(a);
  await expect(a.page.locator('.entry-what')).toHaveText(['Poo', /^Bottle 90 ml/]);
  await expect(a.entries('Poo')).toContainText('Deleted by you');

  await a.isSynced();
  await expect(b.tile('Last nappy')).toContainText('No nappy yet', ONE_INTERVAL);
  await openBin(b, 'Settings');
  await expect(b.entries('Bottle 90 ml')).toContainText('Deleted by Ada');
  await restore(b, 'Bottle 90 ml').click();
  await expect(b.toast('Restored')).toBeVisible();
  await expect(b.entries('Bottle 90 ml')).toHaveCount(0);
  await expect(b.entries('Poo')).toHaveCount(1);
  await b.isSynced();
  await expect(a.entries('Bottle 90 ml')).toHaveCount(0, ONE_INTERVAL);
  await a.go('Timeline');
  await expect(a.entries('Bottle 90 ml')).toHaveCount(1);
});

test('a restore works without a connection, and a new device has the bin too', async ({ solo, device }) => {
  const phone = await solo();
  await phone.logNappy('Wee');
  await phone.logNappy('Poo');
  await phone.delete('Wee');
  await phone.delete('Poo');
  await phone.isSynced();
  await phone.goOffline();
  await openBin(phone);
  await restore(phone, 'Wee').click();
  await expect(phone.toast('Restored')).toBeVisible();
  await phone.page.reload();
  await expect(phone.entries('Poo')).toContainText('Deleted by you');
  await expect(phone.entries('Wee')).toHaveCount(0);
  await phone.goOnline();
  await phone.isSynced();

  const other = await device();
  await other.signIn(phone.email);
  await expect(other.tile('Last nappy')).toContainText('Wee', { timeout: 20_000 });
  await openBin(other);
  await expect(other.entries('Poo')).toContainText('Deleted by you');
  await expect(other.entries('Wee')).toHaveCount(0);
});

test('what was deleted more than thirty days ago is not shown, and an empty bin says so', async ({ solo }) => {
  const phone = await solo();
  await phone.logNappy('Poo');
  await phone.delete('Poo');
  await phone.isSynced();
  await phone.page.clock.setFixedTime(Date.now() + 29.9 * 86_400_000);
  await phone.page.goto('/bin');
  await expect(phone.entries('Poo')).toHaveCount(1);
  await phone.page.clock.setFixedTime(Date.now() + 30.1 * 86_400_000);
  await phone.page.reload();
  await expect(phone.text('Nothing was deleted in this time.')).toBeVisible();
  await expect(phone.entries('Poo')).toHaveCount(0);
});
