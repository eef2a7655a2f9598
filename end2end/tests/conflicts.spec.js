// Two caregivers change the same thing without knowing of each other. Nobody's words vanish untold.
import { expect, test } from '../support/test.js';
import { ONE_INTERVAL } from '../support/device.js';
import { sent } from '../support/watch.js';

/** A family with one sleep that both have seen, both offline. */
async function apart({ a, b }) {
  await a.logSleep();
  await a.isSynced();
  await b.go('Timeline');
  await expect(b.entries('Slept')).toHaveCount(1, ONE_INTERVAL);
  await a.goOffline();
  await b.goOffline();
}

const setQuality = (device, quality) => device.edit('Slept', (sheet) => device.choose(quality, sheet));

test('edits of different fields by two caregivers both survive on both devices', async ({ family }) => {
  // C39.
  const { a, b } = await family();
  await apart({ a, b });
  await setQuality(a, 'Sound');
  await b.setNotes('Slept', 'in the pram by the river');
  await a.goOnline();
  await a.isSynced();
  await b.goOnline();
  await b.isSynced();
  for (const device of [a, b]) {
    await device.go('Timeline');
    await expect(device.entries('Slept')).toContainText('sound', ONE_INTERVAL);
    await expect(device.entries('Slept')).toContainText('in the pram by the river', ONE_INTERVAL);
    await expect(device.chip).toHaveText('All saved');
  }
});

test('an edit of a bottle sends what was changed and nothing else', async ({ solo }) => {
  const phone = await solo();
  await phone.logBottle(150);
  await phone.isSynced();
  await phone.setNotes('Bottle', 'was hungry');
  await phone.isSynced();
  const [edit] = sent(phone.watch.pushes().at(-1).body).mutations;
  expect(edit).toMatchObject({ op: 'update', payload: { notes: 'was hungry' } });
  expect(Object.keys(edit.payload)).toEqual(['notes']);
  // And saving without a change sends nothing.
  const pushes = phone.watch.pushes().length;
  await phone.edit('Bottle', async () => {});
  await phone.isSynced();
  expect(phone.watch.pushes().length).toBe(pushes);
});

test('of two edits of one field the later wins on both devices, and the loser is told and can have it back', async ({ family }) => {
  // A36, A48, C30, C31, X11.
  const { a, b } = await family();
  await apart({ a, b });
  await a.setNotes('Slept', 'woke up twice');
  await b.setNotes('Slept', 'slept right through');
  // The later edit is known to the server first, so the earlier one meets it there.
  await b.goOnline();
  await b.isSynced();
  await a.goOnline();

  await a.go('Timeline');
  for (const device of [a, b]) {
    await expect(device.entries('Slept')).toContainText('slept right through', ONE_INTERVAL);
    await expect(device.entries('Slept')).not.toContainText('woke up twice');
  }
  // A is told, and what A wrote is still there to read.
  await expect(a.chip).toHaveText('1 needs you');
  await a.go('Sync');
  await expect(a.letters('woke up twice')).toHaveCount(1);
  // What won stands beside it, so that A can choose.
  await expect(a.letters('woke up twice')).toContainText('Now in the log:');
  await expect(a.letters('woke up twice')).toContainText('slept right through');
  await expect(b.chip).toHaveText('All saved');

  await a.letters('woke up twice').getByRole('button', { name: 'Use mine again' }).click();
  await expect(a.letters('woke up twice')).toHaveCount(0);
  await a.isSynced();
  await a.go('Timeline');
  for (const device of [a, b]) {
    await expect(device.entries('Slept')).toContainText('woke up twice', ONE_INTERVAL);
  }
});

test('the winner is the same whoever comes back first', async ({ family }) => {
  // A48.
  const { a, b } = await family();
  await apart({ a, b });
  await a.setNotes('Slept', 'woke up twice');
  await b.setNotes('Slept', 'slept right through');
  await a.goOnline();
  await a.isSynced();
  await b.goOnline();
  await b.isSynced();
  await a.go('Timeline');
  for (const device of [a, b]) {
    await expect(device.entries('Slept')).toContainText('slept right through', ONE_INTERVAL);
    await expect(device.entries('Slept')).not.toContainText('woke up twice');
  }
});

test('a delete beats an edit made elsewhere, and the editor is told and can restore it', async ({ family }) => {
  // C31, X18.
  const { a, b } = await family();
  await apart({ a, b });
  await b.setNotes('Slept', 'with the blue blanket');
  await a.delete('Slept');
  await a.goOnline();
  await a.isSynced();
  await b.goOnline();

  await b.go('Timeline');
  await expect(b.entries('Slept')).toHaveCount(0, ONE_INTERVAL);
  await expect(b.chip).toHaveText('1 needs you');
  await b.go('Sync');
  await expect(b.letters('with the blue blanket')).toContainText('Another caregiver deleted this entry meanwhile.');

  await b.letters('with the blue blanket').getByRole('button', { name: 'Use mine again' }).click();
  await b.isSynced();
  await b.go('Timeline');
  await a.go('Timeline');
  for (const device of [a, b]) {
    await expect(device.entries('with the blue blanket')).toHaveCount(1, ONE_INTERVAL);
  }
});

test('of two edits that met, the loser can write one that says both', async ({ family }) => {
  const { a, b } = await family();
  await apart({ a, b });
  await a.setNotes('Slept', 'woke up twice');
  await b.setNotes('Slept', 'slept right through');
  await b.goOnline();
  await b.isSynced();
  await a.goOnline();
  await expect(a.chip).toHaveText('1 needs you', ONE_INTERVAL);
  await a.go('Sync');
  await a.letters('woke up twice').getByRole('button', { name: 'Edit' }).click();
  await expect(a.sheet.getByLabel('Notes')).toHaveValue('woke up twice');
  await a.sheet.getByLabel('Notes').fill('woke up twice for Ada, slept through for Ben');
  await a.sheet.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(a.letters('woke up twice')).toHaveCount(0);
  await a.isSynced();
  await a.go('Timeline');
  for (const device of [a, b]) {
    await expect(device.entries('Slept')).toContainText('slept through for Ben', ONE_INTERVAL);
  }
});

test('a lost edit can be discarded, and then needs nobody', async ({ family }) => {
  const { a, b } = await family();
  await apart({ a, b });
  await a.setNotes('Slept', 'woke up twice');
  await b.setNotes('Slept', 'slept right through');
  await b.goOnline();
  await b.isSynced();
  await a.goOnline();
  await expect(a.chip).toHaveText('1 needs you', ONE_INTERVAL);
  await a.go('Sync');
  await a.letters('woke up twice').getByRole('button', { name: 'Discard' }).click();
  await a.sheet.getByRole('button', { name: 'Discard' }).click();
  await expect(a.letters('woke up twice')).toHaveCount(0);
  await a.isSynced();
  await expect(b.entries('Slept')).toContainText('slept right through');
});

test('what two caregivers log of one feed is kept twice, and both are asked whether it is the same', async ({ family }) => {
  // T18.
  const { a, b } = await family();
  await a.goOffline();
  await b.goOffline();
  await a.logBottle(120);
  await b.logBottle(110);
  await a.goOnline();
  await a.isSynced();
  await b.goOnline();
  await b.isSynced();
  for (const device of [a, b]) {
    await device.go('Timeline');
    await expect(device.entries('Bottle')).toHaveCount(2, ONE_INTERVAL);
    await expect(device.page.getByText('Is it the same as what', { exact: false })).toHaveCount(1, ONE_INTERVAL);
  }
  // "No" settles it for everybody, and an edit does not ask again.
  await a.page.getByRole('button', { name: 'No, keep both' }).click();
  await expect(b.page.getByRole('button', { name: 'No, keep both' })).toHaveCount(0, ONE_INTERVAL);
  await b.setNotes('110 ml', 'half asleep');
  await b.isSynced();
  await expect(a.entries('110 ml')).toContainText('half asleep', ONE_INTERVAL);
  await expect(a.page.getByText('Is it the same as what', { exact: false })).toHaveCount(0);

  // "Yes" takes the later one away.
  await a.go('Today');
  await a.logBottle(60);
  await expect(b.entries('60 ml')).toHaveCount(1, ONE_INTERVAL);
  await b.page.getByRole('button', { name: 'Yes, delete this one' }).click();
  await a.go('Timeline');
  await expect(a.entries('60 ml')).toHaveCount(0, ONE_INTERVAL);
  await expect(a.entries('Bottle')).toHaveCount(2);
});
