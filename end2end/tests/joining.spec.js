// How somebody comes in, and that nobody does unasked.
import { isAccessible, themed } from '../support/axe.js';
import { storesWith } from '../support/idb.js';
import { expect, test } from '../support/test.js';
import { PUSH } from '../support/watch.js';

/** Makes an invitation by link on the screen, and takes it from the clipboard. */
async function makeLink(owner, { level = 'Can log', label = '' } = {}) {
  await owner.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await owner.go('Caregivers');
  await owner.choose(level, owner.page.getByRole('group', { name: 'They' }));
  await owner.page.getByLabel('Who they are to the baby').fill(label);
  await owner.button('Make a link').click();
  await expect(owner.page.getByRole('img', { name: 'The link as a QR code' })).toBeVisible();
  await owner.button('Copy').click();
  await expect(owner.toast('Copied')).toBeVisible();
  return owner.page.evaluate(() => navigator.clipboard.readText());
}

const refusal = (device, words) => device.page.getByRole('alert').filter({ hasText: words });

test('a link brings in somebody new, who sees first who invites to what', async ({ solo, device }) => {
  // A25, A31.
  const a = await solo();
  await a.logBottle(120);
  await a.isSynced();
  const link = await makeLink(a, { level: 'Can look', label: 'Grandpa' });
  const token = new URL(link).hash.slice(1);
  expect(token).toMatch(/^[0-9A-HJKMNP-TV-Z]{52}$/);
  await expect(a.page.getByRole('listitem').filter({ hasText: 'Link by Ada for “Can look”' })).toBeVisible();

  const b = await device();
  await b.page.goto(link);
  await expect(b.text('You were invited by a link.')).toBeVisible();
  // The token has left the address before anything else happens, and is on no list of places visited.
  await expect(b.page).toHaveURL(/\/join$/);
  await b.page.getByRole('link', { name: 'Create an account' }).click();
  await b.fillSignUp('Ben');
  await expect(b.heading('Ada invites you to the log of Juno')).toBeVisible();
  await expect(b.text('Can look · Grandpa')).toBeVisible();
  const api = await b.api();
  expect((await api.me()).babies).toEqual([]);
  await b.button('Join').click();
  await expect(b.tile('Last feed')).toContainText('Bottle 120 ml');
  await expect(b.button('Feed')).toHaveCount(0);

  expect(await storesWith(b.page, token)).toEqual([]);
  expect(b.watch.requests.filter(({ query }) => query.includes(token))).toEqual([]);
  expect(await b.page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }))).not.toContain(token);
});

test('a link that was taken back or used lets nobody in, and says so', async ({ solo, device }) => {
  const a = await solo();
  const link = await makeLink(a);
  await a.button('Take back').click();
  await expect(a.toast('It no longer works')).toBeVisible();
  await expect(a.page.getByRole('img', { name: 'The link as a QR code' })).toHaveCount(0);

  const b = await device();
  b.watch.tolerate('status of 404');
  await b.signUp('Ben');
  await b.page.goto(link);
  await expect(refusal(b, 'This invitation is not valid')).toBeVisible();
  // Another one can be pasted whole: the installed app on some phones opens no links.
  await b.page.getByLabel('Code', { exact: true }).fill(await makeLink(a));
  await b.button('Continue').click();
  await expect(b.heading('Ada invites you to the log of Juno')).toBeVisible();
  await b.button('Not now').click();
  await expect(b.page.getByLabel('Code', { exact: true })).toHaveValue('');
});

test('a link goes out over the share sheet where there is one', async ({ solo }) => {
  const a = await solo();
  await a.page.evaluate(() => {
    navigator.share = async (what) => { globalThis.shared = what; };
  });
  const link = await makeLink(a);
  await a.button('Share').click();
  expect(await a.page.evaluate(() => globalThis.shared)).toEqual({ title: 'Cradlelog', url: link });
});

test('a link that has run out can be asked about, and an owner lets in or declines', async ({ solo, device }) => {
  const a = await solo();
  const link = await makeLink(a);
  // To the browser it ran out two days ago: no test waits for that.
  const b = await device();
  b.watch.tolerate('status of 410');
  await b.signUp('Ben');
  await b.context.route('**/api/babies/invites/look', (route) => route.fulfill({
    status: 410, json: { code: 'invite_expired', message: '', field: null, requestId: null },
  }));
  const asked = [];
  await b.context.route('**/api/babies/invites/ask', (route) => {
    asked.push(route.request().postDataJSON());
    return route.fulfill({ json: {} });
  });
  await b.page.goto(link);
  await expect(refusal(b, 'This invitation has run out')).toBeVisible();
  await b.button('Ask to be let in').click();
  await expect(b.toast('You have asked')).toBeVisible();
  await expect(b.button('Ask to be let in')).toHaveCount(0);
  expect(asked).toEqual([{ token: new URL(link).hash.slice(1) }]);

  // What the owner then sees.
  const answered = [];
  await a.context.route('**/api/babies/invites/list?*', async (route) => {
    const list = await (await route.fetch()).json();
    return route.fulfill({ json: list.map((invite) => ({ ...invite, askedBy: answered.length ? null : 'Ben' })) });
  });
  await a.context.route('**/api/babies/invites/approve', (route) => {
    answered.push(route.request().postDataJSON());
    return route.fulfill({ json: {} });
  });
  await a.page.reload();
  const question = a.page.getByRole('listitem').filter({ hasText: 'Ben asks to be let in' });
  await expect(question.getByRole('button', { name: 'Decline' })).toBeVisible();
  await question.getByRole('button', { name: 'Can look' }).click();
  await expect(question).toHaveCount(0);
  expect(answered).toEqual([{ babyId: await a.babyId(), inviteId: expect.any(String), level: 'viewer' }]);
});

test('who asked to be let in sees the baby as soon as an owner says yes, without doing anything', async ({ solo, device }) => {
  // A31: heard by a hint.
  const a = await solo();
  await a.logBottle(120);
  await a.isSynced();
  const link = await makeLink(a);
  const code = await (await a.api()).inviteCode(await a.babyId());
  const b = await device();
  b.watch.tolerate('status of 410');
  await b.signUp('Ben');
  // To the browser the link ran out, and the question is open: no test waits for two days.
  await b.context.route('**/api/babies/invites/look', (route) => route.fulfill({
    status: 410, json: { code: 'invite_expired', message: '', field: null, requestId: null },
  }));
  let asked = false;
  await b.context.route('**/api/babies/invites/ask', (route) => {
    asked = true;
    return route.fulfill({ json: {} });
  });
  await b.context.route('**/api/auth/me', async (route) => {
    const response = await route.fetch();
    const me = await response.json();
    return route.fulfill({ response, json: asked && me.babies.length === 0 ? { ...me, asked } : me });
  });
  await b.page.goto(link);
  await expect(b.button('Ask to be let in')).toBeVisible();
  await b.networkIsQuiet();
  expect(b.watch.streams, 'nothing to wait for').toBe(0);
  await b.button('Ask to be let in').click();
  await expect(b.toast('You have asked')).toBeVisible();
  await expect.poll(() => b.watch.streams).toBe(1);
  await b.page.getByRole('navigation').getByRole('link', { name: 'Today' }).click();
  await expect(b.heading('Add your baby')).toBeVisible();

  // What an owner's yes does.
  await (await b.api()).accept(code);
  await expect(b.tile('Last feed')).toContainText('Bottle 120 ml');
});

test('a role is the family\'s own word, and ownership is handed over before its last holder can go', async ({ family }) => {
  const { a, b } = await family();
  a.watch.tolerate('status of 409');
  await a.go('Caregivers');
  const role = a.page.getByLabel('What Ben is to the baby');
  await role.fill('Grandpa');
  await role.press('Enter');
  await expect(a.toast('Changed')).toBeVisible();
  await expect(a.entries('Ben')).toContainText('Can log · Grandpa');

  await a.button('Leave').click();
  await a.sheet.getByRole('button', { name: 'Leave' }).click();
  await expect(a.toast('The last owner cannot leave. Make somebody else an owner first.')).toBeVisible();

  // Nobody becomes an owner by a slip of the thumb.
  const level = a.page.getByLabel('What Ben may do');
  await level.selectOption('Owner');
  await a.sheet.getByRole('button', { name: 'Cancel' }).click();
  await expect(level).toHaveValue('1');
  await level.selectOption('Owner');
  await a.sheet.getByRole('button', { name: 'Owner' }).click();
  await expect(a.entries('Ben')).toContainText('Owner · Grandpa');
  await a.page.getByLabel('What Ada may do').selectOption('Can look');
  await a.sheet.getByRole('button', { name: 'Can look' }).click();
  await expect(a.button('Make a link')).toHaveCount(0);
  await a.go('Today');
  await expect(a.button('Feed')).toHaveCount(0);
  await b.go('Caregivers');
  await expect(b.button('Make a link')).toBeVisible();
});

test('who leaves sees first what was not sent, and keeps that and nothing else', async ({ family }) => {
  // A47: purge of a revoked baby.
  const { b } = await family();
  b.watch.tolerate('ERR_FAILED');
  b.watch.tolerate('status of 403');
  const juno = await b.babyId();
  await b.context.route(PUSH, (route) => route.abort());
  await b.logBottle(145);
  await b.go('Caregivers');
  await b.button('Leave').click();
  await expect(b.sheet).toContainText('1 entry was not sent yet');
  await b.sheet.getByRole('button', { name: 'Leave' }).click();
  await expect(b.toast('You have left.')).toBeVisible();
  await expect(b.heading('Add your baby')).toBeVisible();
  await expect(b.text('Access revoked')).toHaveCount(0);
  const kept = ['journal', 'deadLetters'];
  await expect.poll(async () => (await storesWith(b.page, juno)).filter((store) => !kept.includes(store))).toEqual([]);
  expect((await storesWith(b.page, 'Juno')).filter((store) => !kept.includes(store))).toEqual([]);
  await b.go('Sync');
  await expect(b.letters('Bottle 145 ml')).toHaveCount(1);
});

for (const theme of ['light', 'dark', 'night']) {
  test(`axe finds nothing on an invitation in the ${theme} theme`, async ({ solo, device }) => {
    const a = await solo();
    const code = await (await a.api()).inviteCode(await a.babyId());
    const b = await device({ reducedMotion: 'reduce' });
    await themed(b.context, theme);
    await b.signUp('Ben');
    await b.enterCode(code);
    await expect(b.heading('Ada invites you to the log of Juno')).toBeVisible();
    await isAccessible(b.page, 'offer');
  });
}
