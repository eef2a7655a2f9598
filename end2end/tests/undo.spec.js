// Whatever can be undone is not asked about, and is undone for everybody.
import { expect, test } from '../support/test.js';
import { ONE_INTERVAL } from '../support/device.js';

/** trap_01: deletes that were queued without their baby never arrived. */
test('trap_01 a delete reaches the other device, and so does its undo', async ({ family }) => {
  // A37, A46, B29, X18.
  const { a, b } = await family();
  await a.logBottle(110);
  await a.isSynced();
  await b.go('Timeline');
  await expect(b.entries('Bottle 110 ml')).toHaveCount(1, ONE_INTERVAL);

  await a.delete('Bottle 110 ml');
  await expect(a.entries('Bottle 110 ml')).toHaveCount(0);
  await expect(b.entries('Bottle 110 ml')).toHaveCount(0, ONE_INTERVAL);

  await a.toast('Deleted').getByRole('button', { name: 'Undo' }).click();
  await expect(a.entries('Bottle 110 ml')).toHaveCount(1);
  await expect(b.entries('Bottle 110 ml')).toHaveCount(1, ONE_INTERVAL);
  await expect(b.entries('Bottle 110 ml')).toContainText('Ada');
});

test('a quick log is taken back from its toast, before anything was sent', async ({ solo }) => {
  const phone = await solo();
  await phone.goOffline();
  await phone.logBottle();
  await phone.toast('Saved').getByRole('button', { name: 'Undo' }).click();
  await expect(phone.toast('Taken back')).toBeVisible();
  await expect(phone.tile('Last feed')).not.toContainText('Bottle');
  // Created and deleted without ever being sent: nothing is left to send.
  await expect(phone.chip).toHaveText('Offline, all saved here');
  const before = phone.watch.pushes().length;
  await phone.goOnline();
  await phone.isSynced();
  expect(phone.watch.pushes().length).toBe(before);
});

test('a change is undone from its toast', async ({ solo }) => {
  const phone = await solo();
  await phone.logBottle(90);
  await phone.edit('Bottle 90 ml', (sheet) => sheet.getByLabel('Amount in').fill('150'));
  await expect(phone.entries('Bottle 150 ml')).toHaveCount(1);
  await phone.toast('Change saved').getByRole('button', { name: 'Undo' }).click();
  await expect(phone.entries('Bottle 90 ml')).toHaveCount(1);
  await phone.isSynced();
});

/** trap_13: each type has its own edit and its own delete. */
test('trap_13 every type of entry can be edited and deleted', async ({ solo }) => {
  // A30, A22.
  const phone = await solo();
  await phone.logBottle(90);
  await phone.logNappy('Poo');
  await phone.logSleep();
  for (const words of ['Bottle', 'Poo', 'Slept']) {
    await phone.setNotes(words, `note on ${words}`);
    await expect(phone.entries(`note on ${words}`)).toHaveCount(1);
    await phone.delete(words);
    await expect(phone.entries(words)).toHaveCount(0);
  }
  await phone.isSynced();
  const changes = await (await phone.api()).changes(await phone.babyId());
  const ops = (entityType) => changes.filter((change) => change.entityType === entityType).map(({ op }) => op);
  for (const entityType of ['feed_log', 'nappy_log', 'sleep_log']) {
    expect(ops(entityType).at(0)).toBe('create');
    expect(ops(entityType).at(-1)).toBe('delete');
  }
});
