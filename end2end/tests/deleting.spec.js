// A baby that an owner deletes is gone from every device, can be taken back for thirty days, and takes
// nobody's unsent words along.
import { isAccessible, themed } from '../support/axe.js';
import { ONE_INTERVAL } from '../support/device.js';
import { expect, test } from '../support/test.js';

/** Opens the baby's profile and what it says about deleting. */
async function openProfile(device, name) {
  await device.go('Settings');
  await device.button(`Edit ${name}`).click();
  await expect(device.sheet).toBeVisible();
}

async function openDeletion(device, name) {
  await openProfile(device, name);
  await device.sheet.getByText(`Delete ${name} and everything logged`).click();
  await expect(device.sheet).toContainText('For thirty days an owner can take it back');
}

async function deleteBaby(device, name) {
  await openDeletion(device, name);
  await device.sheet.getByRole('button', { name: `Delete ${name}` }).click();
  await expect(device.sheet).toBeHidden();
}

const deletedLine = (device, name) => device.entries(`${name}, deleted. Gone for good on`);
const notice = (device, name) => device.page.getByRole('alert').filter({ hasText: `${name} was deleted, with everything logged.` });

test('a baby that its owner deletes is gone for both caregivers, and back for both when it is taken back', async ({ family }) => {
  const { a, b } = await family();
  await a.logBottle(120);
  await expect(b.tile('Last feed')).toContainText('Bottle 120 ml', ONE_INTERVAL);

  await openDeletion(a, 'Juno');
  const download = a.page.waitForEvent('download');
  await a.sheet.getByRole('link', { name: 'Export everything' }).click();
  expect((await download).suggestedFilename()).toBe('cradlelog.json');
  await a.sheet.getByRole('button', { name: 'Delete Juno' }).click();
  await expect(notice(a, 'Juno')).toBeVisible();
  await expect(a.page.getByRole('banner')).not.toContainText('Juno');
  await expect(notice(b, 'Juno')).toBeVisible(ONE_INTERVAL);
  await expect(b.heading('Add your baby')).toBeVisible();
  await expect(b.tile('Last feed')).toHaveCount(0);
  await a.isSynced();

  // A reload shows the same, and an editor is told who can help.
  await b.page.reload();
  await expect(deletedLine(b, 'Juno')).toContainText('An owner can take it back.');
  await expect(deletedLine(b, 'Juno').getByRole('button')).toHaveCount(0);
  const inThirtyDays = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'Europe/Berlin' })
    .format(Date.now() + 30 * 86_400_000);
  await expect(deletedLine(a, 'Juno')).toContainText(inThirtyDays);
  await deletedLine(a, 'Juno').getByRole('button', { name: 'Take it back: Juno' }).click();
  await expect(a.toast('Restored')).toBeVisible();
  await expect(notice(a, 'Juno')).toHaveCount(0);
  for (const device of [a, b]) {
    await expect(device.page.getByRole('banner')).toContainText('Juno', ONE_INTERVAL);
    await device.go('Today');
    await expect(device.tile('Last feed')).toContainText('Bottle 120 ml');
    await expect(deletedLine(device, 'Juno')).toHaveCount(0);
  }
  await b.logBottle(90);
  await expect(a.tile('Last feed')).toContainText('Bottle 90 ml', ONE_INTERVAL);
});

test('deleted without a connection, it goes here at once and from the others later; what they had not sent stays theirs', async ({ family }) => {
  // A42: nothing lost in silence.
  const { a, b } = await family();
  await b.goOffline();
  await b.logBottle(145);
  await a.goOffline();
  await openDeletion(a, 'Juno');
  await expect(a.sheet).toContainText('There is no connection: it disappears from this device now');
  await a.sheet.getByRole('button', { name: 'Delete Juno' }).click();
  await expect(deletedLine(a, 'Juno')).toBeVisible();
  await expect(b.page.getByRole('banner')).toContainText('Juno');
  await a.goOnline();
  await a.isSynced();

  await b.goOnline();
  await expect(notice(b, 'Juno')).toBeVisible(ONE_INTERVAL);
  await expect(b.chip).toHaveText('1 needs you');
  await b.go('Sync');
  await expect(b.letters('Bottle 145 ml')).toContainText('This baby was deleted before this was sent.');

  await deletedLine(a, 'Juno').getByRole('button').click();
  await expect(b.page.getByRole('banner')).toContainText('Juno', ONE_INTERVAL);
  await b.letters('Bottle 145 ml').getByRole('button', { name: 'Retry' }).click();
  await b.isSynced();
  await a.go('Today');
  await expect(a.tile('Last feed')).toContainText('Bottle 145 ml', ONE_INTERVAL);
});

test('of two babies the other comes on screen, and an open sheet still writes to the one it was opened for', async ({ family }) => {
  const { a, b } = await family();
  await b.go('Settings');
  await b.page.getByRole('link', { name: 'Add a baby' }).click();
  await b.addBaby('Milo');
  await b.page.getByLabel('Baby', { exact: true }).selectOption('Juno');
  await b.button('Feed').click();
  await b.sheet.getByLabel('Amount in').fill('77');
  await deleteBaby(a, 'Juno');
  await expect(b.page.locator('header.header')).toContainText('Milo', ONE_INTERVAL);
  await b.sheet.getByRole('button', { name: /^Save/ }).click();
  await expect(b.sheet).toBeHidden();
  await expect(b.chip).toHaveText('1 needs you');
  await b.go('Sync');
  await expect(b.letters('Bottle 77 ml')).toContainText('This baby was deleted');
  await b.go('Today');
  await expect(b.tile('Last feed')).toContainText('No feed yet');
});

test('only an owner is offered to delete, and only what the server has', async ({ family }) => {
  const { a, b } = await family();
  await openProfile(b, 'Juno');
  await expect(b.sheet.getByText('The night begins')).toBeVisible();
  await expect(b.sheet.getByText('and everything logged')).toHaveCount(0);

  await a.goOffline();
  await a.go('Settings');
  await a.page.getByRole('link', { name: 'Add a baby' }).click();
  await a.addBaby('Milo');
  await openProfile(a, 'Milo');
  await a.sheet.getByText('Delete Milo and everything logged').click();
  await expect(a.sheet).toContainText('As soon as it is there, it can be deleted.');
  await expect(a.sheet.getByRole('button', { name: 'Delete Milo' })).toHaveCount(0);
});

for (const theme of ['light', 'dark', 'night']) {
  test(`axe finds nothing about a deleted baby in the ${theme} theme, and it fits 320 px`, async ({ solo }) => {
    const a = await solo({ reducedMotion: 'reduce', viewport: { width: 320, height: 640 } });
    await themed(a.context, theme);
    await a.page.reload();
    const fits = async () => expect(await a.page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
    await openDeletion(a, 'Juno');
    await isAccessible(a.page, 'profile');
    await fits();
    await a.sheet.getByRole('button', { name: 'Delete Juno' }).click();
    await expect(deletedLine(a, 'Juno')).toBeVisible();
    await isAccessible(a.page, 'settings');
    await fits();
    const button = deletedLine(a, 'Juno').getByRole('button');
    expect((await button.boundingBox()).height).toBeGreaterThanOrEqual(48);
    await a.page.getByRole('navigation').getByRole('link', { name: 'Today' }).click();
    await expect(a.heading('Add your baby')).toBeVisible();
    await expect(deletedLine(a, 'Juno')).toBeVisible();
    await isAccessible(a.page, 'no baby');
    await fits();
  });
}
