// The baby's profile is an entry like any other: changed on one device, seen on the others.
import { expect, test } from '../support/test.js';
import { ONE_INTERVAL } from '../support/device.js';

async function editBaby(device, name, change) {
  await device.go('Settings');
  await device.button(`Edit ${name}`).click();
  await expect(device.sheet).toBeVisible();
  await change(device.sheet);
  await device.sheet.getByRole('button', { name: 'Save' }).click();
  await expect(device.sheet).toBeHidden();
}

/** A22, A30: every baby edit (name, weight, sex) is written locally first, sent, and reaches the others. */
test('a profile that an editor changes is the same on the other device', async ({ family }) => {
  const { a, b } = await family();
  await editBaby(b, 'Juno', async (sheet) => {
    await sheet.getByLabel("Baby's name").fill('Juno Mae');
    await sheet.getByLabel('Date of birth').fill('2026-09-14');
    await b.choose('Female', sheet);
    await sheet.getByLabel('Birth weight in grams').fill('3420');
    await sheet.getByLabel('Time zone').selectOption('Asia/Tokyo');
    await sheet.getByLabel('The night begins').fill('19:30');
  });
  await expect(b.page.getByRole('banner')).toContainText('Juno Mae');
  await b.isSynced();

  await expect(a.page.getByRole('banner')).toContainText('Juno Mae', ONE_INTERVAL);
  await a.go('Settings');
  await a.button('Edit Juno Mae').click();
  await expect(a.sheet.getByLabel('Date of birth')).toHaveValue('2026-09-14');
  await expect(a.sheet.getByRole('radio', { name: 'Female', exact: true })).toBeChecked();
  await expect(a.sheet.getByLabel('Birth weight in grams')).toHaveValue('3420');
  await expect(a.sheet.getByLabel('Time zone')).toHaveValue('Asia/Tokyo');
  await expect(a.sheet.getByLabel('The night begins')).toHaveValue('19:30');
});

/** A22: without a connection it is saved here, and sent later; undo takes it back. */
test('a profile is changed without a connection, and undone', async ({ solo }) => {
  const phone = await solo();
  await phone.goOffline();
  await editBaby(phone, 'Juno', (sheet) => sheet.getByLabel("Baby's name").fill('Juna'));
  await expect(phone.chip).toHaveText('1 waiting, will send when online');
  await phone.page.reload();
  await expect(phone.page.getByRole('banner')).toContainText('Juna');
  await phone.goOnline();
  await phone.isSynced();
  await expect(phone.page.getByRole('banner')).toContainText('Juna');
  await expect.poll(() => phone.babyId('Juna').catch(() => null)).toBeTruthy();

  await editBaby(phone, 'Juna', (sheet) => sheet.getByLabel("Baby's name").fill('June'));
  await phone.toast('Change saved').getByRole('button', { name: 'Undo' }).click();
  await expect(phone.page.getByRole('banner')).toContainText('Juna');
  await phone.isSynced();
});

test('a profile without a name or with an impossible weight is refused beside the field', async ({ solo }) => {
  const phone = await solo();
  await phone.go('Settings');
  await phone.button('Edit Juno').click();
  const alert = (words) => phone.sheet.getByRole('alert').filter({ hasText: words });
  await phone.sheet.getByLabel('Birth weight in grams').fill('heavy');
  await phone.sheet.getByRole('button', { name: 'Save' }).click();
  await expect(alert('Please give the weight in grams')).toBeVisible();
  await phone.sheet.getByLabel('Birth weight in grams').fill('');
  await phone.sheet.getByLabel("Baby's name").fill('');
  await phone.sheet.getByRole('button', { name: 'Save' }).click();
  await expect(alert('Please give a name')).toBeVisible();
});

test('somebody who may only look is not offered the profile', async ({ solo, device }) => {
  const a = await solo();
  const c = await device();
  await c.signUp('Cleo');
  await c.enterCode(await (await a.api()).inviteCode(await a.babyId(), 'viewer'));
  await c.button('Join').click();
  await expect(c.text('You can look at this log, but not write in it.')).toBeVisible();
  await c.go('Settings');
  await expect(c.page.getByRole('link', { name: 'Add a baby' })).toBeVisible();
  await expect(c.button('Edit Juno')).toHaveCount(0);
});

test('the breast milk in a mixed bottle is written down, and cannot be more than the bottle', async ({ family }) => {
  const { a, b } = await family();
  await a.button('Feed').click();
  await a.sheet.getByLabel('Amount in').fill('90');
  await expect(a.sheet.getByLabel('Breast milk in it, in ml')).toHaveCount(0);
  await a.choose('Mixed', a.sheet);
  await a.sheet.getByText('Details and notes').click();
  await a.sheet.getByLabel('Breast milk in it, in ml').fill('100');
  await a.sheet.getByRole('button', { name: 'Save 90 ml' }).click();
  await expect(a.sheet.getByRole('alert').filter({ hasText: 'The part is more than the whole.' })).toBeVisible();
  await a.sheet.getByLabel('Breast milk in it, in ml').fill('40');
  await a.sheet.getByRole('button', { name: 'Save 90 ml' }).click();
  await expect(a.sheet).toBeHidden();
  for (const device of [a, b]) {
    await expect(device.tile('Last feed')).toContainText('Bottle 90 ml, mixed with 40 ml breast milk', ONE_INTERVAL);
  }
  // The next bottle is the usual one in two taps; its share is not assumed.
  await b.logBottle();
  await expect(b.tile('Last feed')).toContainText('Bottle');
  await expect(b.tile('Last feed')).not.toContainText('breast milk');
});
