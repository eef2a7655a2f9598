// The Sync page: what is being done, what needs the person, who else was here, and how it is with this device.
import { readFile } from 'node:fs/promises';
import { refuseOne } from '../support/refusals.js';
import { expect, test } from '../support/test.js';
import { ONE_INTERVAL } from '../support/device.js';

const log = (phone) => phone.page.getByRole('log');

/** The JSON file that a press on a button gives. */
async function downloaded(phone, button) {
  const [download] = await Promise.all([phone.page.waitForEvent('download'), button.click()]);
  return { name: download.suggestedFilename(), text: await readFile(await download.path(), 'utf8') };
}

test('what Sync now does is told step by step, and why nothing can be done', async ({ solo }) => {
  // C36.
  const phone = await solo();
  await phone.goOffline();
  await phone.logBottle(115);
  await phone.go('Sync');
  await expect(log(phone)).toBeEmpty();
  await phone.button('Sync now').click();
  await expect(log(phone)).toHaveText('1 waiting, will send when online');
  await phone.goOnline();
  await expect(log(phone)).toContainText('Juno: sent 1 change');
  await expect(log(phone)).toContainText('Juno: got 1 change');
  await phone.isSynced();
  await phone.button('Sync now').click();
  await expect(log(phone)).toContainText('Juno: nothing new', ONE_INTERVAL);
});

test('the sync record is a file of steps and counts, with nobody\'s words in it', async ({ solo }) => {
  // C36.
  const phone = await solo();
  await phone.logBottle(115);
  await phone.isSynced();
  await phone.setNotes('Bottle', 'a very private remark');
  await phone.isSynced();
  await phone.go('Sync');
  const { name, text } = await downloaded(phone, phone.button('Save the sync record'));
  expect(name).toBe('cradlelog-sync.json');
  const record = JSON.parse(text);
  const babyId = await phone.babyId();
  expect(record.status.babies.map((baby) => baby.babyId)).toEqual([babyId]);
  expect(record.status).toMatchObject({ online: true, waiting: 0, failed: 0 });
  const pushed = record.journal.flatMap(({ did }) => did.pushed ?? []);
  expect(pushed.reduce((sum, { acked }) => sum + acked, 0)).toBe(3);
  const [{ value: session }] = await phone.context.cookies();
  for (const secret of ['private remark', 'Juno', phone.email, session]) expect(text).not.toContain(secret);
});

test('a refused entry can be changed and sent, and exported as it was', async ({ solo }) => {
  // C36.
  const phone = await solo();
  await refuseOne(phone.context);
  await phone.logBottle(185);
  await expect(phone.chip).toHaveText('1 needs you', { timeout: 15_000 });
  await phone.context.unrouteAll({ behavior: 'wait' });
  await phone.go('Sync');
  const letter = phone.letters('Bottle 185 ml');
  const { name, text } = await downloaded(phone, letter.getByRole('button', { name: 'Export' }));
  expect(name).toBe('cradlelog-entry.json');
  expect(JSON.parse(text)).toMatchObject({ mutated: { op: 'create', payload: { amountMl: 185 } }, reason: { rejected: {} } });

  await letter.getByRole('button', { name: 'Edit' }).click();
  await expect(phone.sheet.getByLabel('Amount in')).toHaveValue('185');
  await expect(phone.sheet.getByRole('button', { name: 'Delete' })).toHaveCount(0);
  // Closed without saving, it is still there.
  await phone.page.keyboard.press('Escape');
  await expect(letter).toHaveCount(1);
  await letter.getByRole('button', { name: 'Edit' }).click();
  await phone.sheet.getByLabel('Amount in').fill('150');
  await phone.sheet.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(phone.sheet).toBeHidden();
  await expect(letter).toHaveCount(0);
  await phone.isSynced();
  const changes = await (await phone.api()).changes(await phone.babyId());
  const feeds = changes.filter(({ entityType }) => entityType === 'feed_log');
  expect(feeds.map(({ entityId, payload }) => [entityId, payload.amountMl])).toEqual([[JSON.parse(text).mutated.entityId, 150]]);
  await phone.go('Timeline');
  await expect(phone.entries('Bottle 150 ml')).toHaveCount(1);
});

test('the Sync page says when the others were last here', async ({ family }) => {
  const { a, b } = await family();
  await b.logNappy('Wee');
  await b.isSynced();
  await a.go('Sync');
  await expect(a.text(/^Ben was last here/)).toBeVisible();
  await expect(a.text(/^Ada was last here/)).toHaveCount(0);
});

for (const [direction, minutes] of [['ahead', 7.5], ['behind', -7.5]]) {
  test(`a clock that is 7 minutes ${direction} is said, and what is logged is sent all the same`, async ({ solo }) => {
    const phone = await solo();
    await phone.go('Sync');
    await expect(phone.text("This device's clock is")).toHaveCount(0);
    await phone.context.clock.install({ time: Date.now() + minutes * 60_000 });
    await phone.page.reload();
    await expect(phone.text(`This device's clock is 7 min ${direction}. Times are corrected for sync.`)).toBeVisible(ONE_INTERVAL);
    await phone.go('Today');
    await phone.logNappy('Wee');
    await phone.isSynced();
  });
}
