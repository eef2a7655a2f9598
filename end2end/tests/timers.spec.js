// A timer is an entry without an end: it is the same on every device, and anybody may stop it.
import { expect, test } from '../support/test.js';
import { ONE_INTERVAL } from '../support/device.js';

/** trap_14: timers that never left the device. */
test('trap_14 a sleep started by one caregiver is seen running and stopped by the other', async ({ family }) => {
  const { a, b } = await family();
  await a.button('Start sleep').click();
  await expect(a.timer('Asleep')).toBeVisible();
  await expect(b.timer('Asleep')).toContainText('Ada', ONE_INTERVAL);

  await b.timer('Asleep').getByRole('button', { name: 'Stop sleep' }).click();
  await expect(b.timer('Asleep')).toHaveCount(0);
  await expect(a.timer('Asleep')).toHaveCount(0, ONE_INTERVAL);
  await expect(a.tile('Awake')).toBeVisible();
  await a.go('Timeline');
  await expect(a.entries('Slept')).toHaveCount(1);
});

/** trap_20: a stop of what another phone had stopped was retried for ever. */
test('trap_20 a timer that both stop offline is stopped once, and nobody keeps trying', async ({ family }) => {
  const { a, b } = await family();
  await a.button('Start sleep').click();
  await expect(b.timer('Asleep')).toBeVisible(ONE_INTERVAL);
  await a.isSynced();
  await a.goOffline();
  await b.goOffline();
  for (const device of [a, b]) {
    await device.timer('Asleep').getByRole('button', { name: 'Stop sleep' }).click();
    await expect(device.timer('Asleep')).toHaveCount(0);
  }
  for (const device of [a, b]) await device.goOnline();
  for (const device of [a, b]) {
    await expect(device.chip).toHaveText(/All saved|1 needs you/, { timeout: 15_000 });
    await device.go('Timeline');
    await expect(device.entries('Slept')).toHaveCount(1);
    await expect(device.entries('Asleep')).toHaveCount(0);
  }
});

test('a nursing timer survives a reload, changes sides and is the same on the other device', async ({ family }) => {
  const { a, b } = await family();
  await a.button('Feed').click();
  await a.choose('Breast', a.sheet);
  await a.sheet.getByRole('button', { name: 'Start left' }).click();
  await expect(a.timer('Feeding, left side')).toBeVisible();
  await a.page.reload();
  await expect(a.timer('Feeding, left side')).toBeVisible();
  await expect(b.timer('Feeding, left side')).toBeVisible(ONE_INTERVAL);

  await b.timer('Feeding, left side').getByRole('button', { name: 'Switch to right' }).click();
  await expect(a.timer('Feeding, right side')).toBeVisible(ONE_INTERVAL);
  await a.goOffline();
  await a.page.reload();
  await a.timer('Feeding, right side').getByRole('button', { name: 'Stop feed' }).click();
  await expect(a.timer('Feeding, right side')).toHaveCount(0);
  await a.goOnline();
  await expect(b.timer('Feeding, right side')).toHaveCount(0, ONE_INTERVAL);
  await expect(b.tile('Last feed')).toContainText('Breast');
});

test('a timer that is started and stopped offline arrives as one whole sleep', async ({ family }) => {
  const { a, b } = await family();
  await a.goOffline();
  await a.button('Start sleep').click();
  await a.timer('Asleep').getByRole('button', { name: 'Stop sleep' }).click();
  await expect(a.chip).toHaveText('1 waiting, will send when online');
  await a.goOnline();
  await b.go('Timeline');
  await expect(b.entries('Slept')).toHaveCount(1, ONE_INTERVAL);
});
