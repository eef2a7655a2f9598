// What became of an entry, and the way back to what it was.
import { expect, test } from '../support/test.js';
import { ONE_INTERVAL } from '../support/device.js';

const events = (device) => device.sheet.locator('.history').getByRole('listitem').filter({ has: device.page.locator('.entry-what') });

async function openHistory(device, words) {
  await device.openEntry(words);
  await device.sheet.getByText('History', { exact: true }).click();
}

test('every change of an entry is told with who made it, and what it was can be used again', async ({ family }) => {
  const { a, b } = await family();
  await a.logBottle(120);
  await a.isSynced();
  await b.go('Timeline');
  await expect(b.entries('Bottle 120 ml')).toHaveCount(1, ONE_INTERVAL);
  await b.edit('Bottle', async (sheet) => {
    await sheet.getByLabel('Amount in').fill('150');
    await sheet.getByLabel('Notes').fill('was hungry');
  });
  await b.isSynced();
  await b.delete('Bottle');
  await b.toast('Deleted').getByRole('button', { name: 'Undo' }).click();
  await b.isSynced();

  await a.go('Timeline');
  await expect(a.entries('Bottle 150 ml')).toContainText('was hungry', ONE_INTERVAL);
  await openHistory(a, 'Bottle');
  await expect(events(a)).toHaveCount(4);
  await expect(events(a).nth(0)).toContainText('Restored');
  await expect(events(a).nth(1)).toContainText('Deleted');
  await expect(events(a).nth(2)).toContainText('Changed');
  await expect(events(a).nth(2)).toContainText('Ben');
  await expect(events(a).nth(2)).toContainText('Amount: 150 ml');
  await expect(events(a).nth(2)).toContainText('Notes: was hungry');
  await expect(events(a).nth(3)).toContainText('Written down: Bottle 120 ml');
  await expect(events(a).nth(3)).toContainText('you');

  await expect(a.sheet.getByRole('button', { name: /^Use what it was/ })).toHaveCount(1);
  await events(a).nth(3).getByRole('button', { name: /^Use what it was/ }).click();
  await expect(a.sheet).toBeHidden();
  for (const device of [a, b]) {
    await expect(device.entries('Bottle')).toContainText('Bottle 120 ml', ONE_INTERVAL);
    await expect(device.entries('Bottle')).not.toContainText('was hungry');
  }
});

test('without a connection the history says so, and comes when it is asked for again', async ({ solo }) => {
  const phone = await solo();
  await phone.logBottle(120);
  await phone.isSynced();
  await phone.goOffline();
  await phone.go('Timeline');
  await openHistory(phone, 'Bottle');
  await expect(phone.sheet.getByRole('alert').filter({ hasText: 'The server cannot be reached.' })).toBeVisible();
  await phone.goOnline();
  await phone.sheet.getByRole('button', { name: 'Try again' }).click();
  await expect(events(phone)).toHaveCount(1);
  await expect(phone.sheet.getByRole('alert').filter({ hasText: 'The server cannot be reached.' })).toHaveCount(0);
});

test('an entry that the server has not seen has no history yet', async ({ solo }) => {
  const phone = await solo();
  await phone.goOffline();
  await phone.logBottle(120);
  await phone.go('Timeline');
  await phone.openEntry('Bottle');
  await expect(phone.sheet.getByText('History', { exact: true })).toHaveCount(0);
});
