// A guest: in for some hours, out by the clock, and nothing of what was logged is lost.
import { isAccessible, themed } from '../support/axe.js';
import { storesWith } from '../support/idb.js';
import { expect, test } from '../support/test.js';

/** What may name a baby that is gone: the record of sync steps, which holds ids and counts and no words. */
const RECORD = 'journal';

/** An owner, and Sam who came by a code for an hour. */
async function visit(a, device, options) {
  await a.go('Caregivers');
  await a.choose('1 h', a.page.getByRole('group', { name: 'For how long' }));
  await expect(a.page.getByRole('group', { name: 'They' })).toHaveCount(0);
  await a.button('Make a code').click();
  const code = await a.page.getByTestId('invite-code').textContent();
  await expect(a.page.getByRole('listitem').filter({ hasText: 'Guest for 1 h' })).toBeVisible();
  const b = await device(options);
  b.watch.tolerate('status of 403');
  await b.signUp('Sam');
  await b.enterCode(code);
  await expect(b.text(/As a guest, until \d\d:\d\d if you join now/)).toBeVisible();
  await b.button('Join').click();
  await expect(b.text(/You are here as a guest, until \d\d:\d\d\./)).toBeVisible();
  await b.isSynced();
  await b.isInstalled();
  return b;
}

/** The guest's time is over. */
async function end(a) {
  await a.go('Caregivers');
  await a.page.reload();
  await a.entries('Sam').getByRole('button', { name: 'End now' }).click();
  await expect(a.entries('Sam')).toHaveCount(0);
}

test('a guest who was offline at the end loses nothing, and an owner decides on what came late', async ({ solo, device }) => {
  const a = await solo();
  const b = await visit(a, device);
  await b.logBottle(100);
  await b.isSynced();

  // An hour more is told to the guest at once.
  const shown = b.text(/You are here as a guest/);
  const before = await shown.textContent();
  await a.page.reload();
  await expect(a.entries('Sam')).toContainText(/Guest until \d\d:\d\d/);
  await a.entries('Sam').getByRole('button', { name: 'One more hour' }).click();
  await expect(a.toast('Changed')).toBeVisible();
  await expect(shown).not.toHaveText(before);

  await b.goOffline();
  await b.logBottle(145);
  await b.logNappy('Poo');
  await end(a);
  const juno = await a.babyId();
  await b.page.evaluate(() => scrollTo(0, 1_000));
  await b.goOnline();
  const farewell = 'Your time with Juno has ended. You logged 2 feeds, 1 nappy. 2 logs went to the parents.';
  await expect(b.page.getByRole('alert').filter({ hasText: farewell })).toBeVisible({ timeout: 15_000 });
  await expect(b.heading('Add your baby')).toBeVisible();
  await expect(b.text(farewell), 'it is in sight, however far down the person was').toBeInViewport({ ratio: 1 });
  expect(await b.page.evaluate(() => scrollY)).toBe(0);
  await b.isAtRest();
  await expect(b.text('Access revoked')).toHaveCount(0);
  expect((await storesWith(b.page, juno)).filter((store) => store !== RECORD)).toEqual([]);
  expect(await storesWith(b.page, 'Juno')).toEqual([]);
  await expect(b.chip).not.toContainText('needs you');
  // It is told until it is put away.
  const told = b.text(farewell);
  await b.page.reload();
  await expect(told).toBeVisible();
  await b.button('Dismiss').click();
  await expect(told).toHaveCount(0);
  await b.page.reload();
  await expect(b.heading('Add your baby')).toBeVisible();
  await expect(told).toHaveCount(0);

  // An owner who has the app open hears of it without asking.
  await a.go('Today');
  await expect(a.text(/Sam was here from .+ to \d\d:\d\d: 1 feed\./)).toBeVisible();
  await expect(a.text('From Sam (guest): 2 logs that were not sent in time.')).toBeVisible();
  await a.page.getByRole('main').getByRole('link', { name: 'Look' }).click();
  await expect(a.entries('Bottle 145 ml')).toContainText('Sam');
  await a.entries('Bottle 145 ml').getByRole('button', { name: 'Keep' }).click();
  await expect(a.toast('It is in the log now')).toBeVisible();
  await a.entries('Poo').getByRole('button', { name: 'Leave out' }).click();
  await expect(a.toast('Left out')).toBeVisible();
  await expect(a.heading('From guests')).toHaveCount(0);

  await a.go('Timeline');
  await expect(a.entries('Bottle 145 ml')).toContainText('Sam');
  await expect(a.entries('Poo')).toHaveCount(0);
  await a.go('Today');
  const summary = a.text(/Sam was here from .+: 2 feeds\./);
  await expect(summary).toBeVisible();
  await a.button('Dismiss').click();
  await expect(summary).toHaveCount(0);
  await a.page.reload();
  await expect(a.tile('Last feed')).toContainText('145 ml');
  await expect(summary).toHaveCount(0);
});

test('a guest who may stay becomes a caregiver like others', async ({ solo, device }) => {
  const a = await solo();
  const b = await visit(a, device);
  await a.page.reload();
  await a.entries('Sam').getByRole('button', { name: 'Can stay' }).click();
  await expect(a.entries('Sam')).toContainText('Can log');
  await expect(b.text('You are here as a guest')).toHaveCount(0);
  await b.logBottle(90);
  await b.isSynced();
});

for (const theme of ['light', 'dark', 'night']) {
  test(`axe finds nothing on what is about guests in the ${theme} theme, at 320 px`, async ({ solo, device }) => {
    test.slow();
    const narrow = { viewport: { width: 320, height: 640 }, reducedMotion: 'reduce' };
    const a = await solo(narrow);
    await themed(a.context, theme);
    const b = await visit(a, device, narrow);
    await themed(b.context, theme);
    const looks = async (who, where) => {
      await isAccessible(who.page, where);
      expect(await who.page.evaluate(() => document.documentElement.scrollWidth), where).toBe(320);
    };
    await b.page.reload();
    await expect(b.text('You are here as a guest')).toBeVisible();
    await looks(b, 'today of a guest');
    await a.page.reload();
    await expect(a.entries('Sam')).toContainText('Guest until');
    await looks(a, 'caregivers');
    await b.goOffline();
    await b.logNappy('Wee');
    await end(a);
    await b.goOnline();
    await expect(b.text('Your time with Juno has ended.')).toBeVisible({ timeout: 15_000 });
    await looks(b, 'farewell');
    await a.go('Today');
    await a.page.reload();
    await expect(a.text('From Sam (guest): 1 log that was not sent in time.')).toBeVisible();
    await looks(a, 'today of an owner');
    await a.page.getByRole('main').getByRole('link', { name: 'Look' }).click();
    await expect(a.heading('From guests')).toBeVisible();
    await looks(a, 'tray');
  });
}
