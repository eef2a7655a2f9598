// Access ends when it is ended: the copy goes, the unsent words stay with who wrote them.
import { storesWith } from '../support/idb.js';
import { expect, test } from '../support/test.js';
import { PUSH } from '../support/watch.js';

/** What may name a baby that is gone: the record of sync steps, which holds ids and counts and no words. */
const RECORD = 'journal';

/** Where there is anything of a baby, but for what its former caregiver has yet to decide on. */
async function traces(device, babyId, name) {
  const found = (await storesWith(device.page, babyId)).filter((store) => ![RECORD, 'deadLetters'].includes(store));
  return [...found, ...await storesWith(device.page, name)];
}

/** trap_11: a 403 that wiped the unsent work as well. */
test('trap_11 a removed caregiver loses the copy, keeps the unsent words, and other babies stay', async ({ family }) => {
  // A32, A41, A42, A47, A64.
  const { a, b } = await family();
  b.watch.tolerate('status of 403');
  const juno = await a.babyId('Juno');
  // B has a baby too.
  const bApi = await b.api();
  const milo = await bApi.createBaby('Milo');
  await bApi.push(milo, {
    mutationId: crypto.randomUUID(), entityType: 'nappy_log', entityId: crypto.randomUUID(), op: 'create',
    payload: { type: 'poo', startedAt: new Date().toISOString() },
  });
  await b.page.reload();
  await b.page.getByLabel('Baby', { exact: true }).selectOption('Milo');
  await expect(b.tile('Last nappy')).toContainText('Poo');
  await b.page.getByLabel('Baby', { exact: true }).selectOption('Juno');
  await a.logBottle(100);
  await expect(b.tile('Last feed')).toContainText('Bottle 100 ml', { timeout: 9_000 });

  await b.goOffline();
  await b.logBottle(145);
  await a.go('Caregivers');
  await a.entries('Ben').getByRole('button', { name: 'Remove Ben' }).click();
  await a.sheet.getByRole('button', { name: 'Remove', exact: true }).click();
  await expect(a.entries('Ben')).toHaveCount(0);

  await b.goOnline();
  await expect(b.page.getByRole('alert').filter({ hasText: 'Access revoked: your access to Juno has been removed.' })).toBeVisible();
  // The next baby is on screen, whole.
  await expect(b.page.getByRole('banner')).toContainText('Milo');
  await expect(b.tile('Last nappy')).toContainText('Poo');
  expect(await traces(b, juno, 'Juno')).toEqual([]);
  // What was not sent is shown, not lost.
  await expect(b.chip).toHaveText('1 needs you');
  await b.go('Sync');
  await expect(b.letters('Bottle 145 ml')).toHaveCount(1);
  await b.letters('Bottle 145 ml').getByRole('button', { name: 'Discard' }).click();
  await b.sheet.getByRole('button', { name: 'Discard' }).click();
  await expect(b.letters('Bottle 145 ml')).toHaveCount(0);
  expect(await storesWith(b.page, juno)).toEqual([RECORD]);
});

test('access that ends in the middle of a push takes nothing in and loses nothing', async ({ family }) => {
  // A32, A42, A47: the push left this device before access ended and reached the server after it.
  const { a, b } = await family();
  b.watch.tolerate('status of 403');
  const juno = await a.babyId();
  const { userId } = await (await b.api()).me();
  let removed = false;
  await b.context.route(PUSH, async (route) => {
    if (!removed) await (await a.api()).remove(juno, userId);
    removed = true;
    return route.fallback();
  });
  await b.logBottle(150);
  await expect(b.heading('Add your baby')).toBeVisible({ timeout: 12_000 });
  expect(removed).toBe(true);
  expect(await traces(b, juno, 'Juno')).toEqual([]);
  await expect(b.chip).toHaveText('1 needs you');
  await b.go('Sync');
  await expect(b.letters('Bottle 150 ml')).toHaveCount(1);
  const changes = await (await a.api()).changes(juno);
  expect(changes.filter(({ entityType }) => entityType === 'feed_log')).toEqual([]);
});

test('a caregiver who is removed while looking on has nothing left of that baby', async ({ family }) => {
  // A32: and the last baby being gone leaves an app that works.
  const { a, b } = await family();
  b.watch.tolerate('status of 403');
  const juno = await a.babyId();
  await a.logBottle(100);
  await expect(b.tile('Last feed')).toContainText('Bottle 100 ml', { timeout: 9_000 });
  const { userId } = await (await b.api()).me();
  await (await a.api()).remove(juno, userId);
  await expect(b.heading('Add your baby')).toBeVisible({ timeout: 12_000 });
  expect(await traces(b, juno, 'Juno')).toEqual([]);
});

test('a viewer reads along and cannot log', async ({ device, solo }) => {
  // A11.
  const a = await solo();
  const b = await device();
  await b.signUp('Vera');
  await b.enterCode(await (await a.api()).inviteCode(await a.babyId(), 'viewer'));
  await b.button('Join').click();
  await a.logBottle(95);
  await expect(b.tile('Last feed')).toContainText('Bottle 95 ml', { timeout: 9_000 });
  await expect(b.button('Feed')).toHaveCount(0);
  await expect(b.button('Start sleep')).toHaveCount(0);
});
