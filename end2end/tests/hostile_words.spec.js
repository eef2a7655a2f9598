// People type what they like, and some of it is made to be run. It is shown as it was typed, it stays where
// it was put, and it is found in no place that outlives the log: no cache, no address, no title.
import { readFile } from 'node:fs/promises';
import { mutation } from '../support/api.js';
import { ONE_INTERVAL } from '../support/device.js';
import { expect, test } from '../support/test.js';

const NAME = '<img src=x onerror="window.pwned=1">';
const OTHER = '"><svg/onload=window.pwned=2>';
const LABEL = 'javascript:window.pwned=3';
const BABY = '</title><script>window.pwned=4</script>';
const NOTES = [
  '<script>window.pwned=5</script>',
  '"\'><iframe srcdoc="<script>parent.pwned=6</script>">',
  '{{ constructor.constructor("window.pwned=7")() }} ${window.pwned=8}',
  '=HYPERLINK("https://evil.example","see")',
  '\u202Egnirts desrever\u202C and \u200Bhidden\u200B',
];

/** What would be there if any of it had been taken for markup. */
const harm = (page) => page.evaluate(() => ({
  pwned: window.pwned,
  elements: [...document.querySelectorAll('img, iframe, script:not([src]), a[href^="javascript:"]')].map((element) => element.outerHTML),
  handlers: [...document.querySelectorAll('*')].filter((element) => [...element.attributes].some(({ name }) => name.startsWith('on'))).map((element) => element.outerHTML),
  title: document.title.includes('pwned'),
  address: location.href.includes('pwned'),
}));

const NONE = { pwned: undefined, elements: [], handlers: [], title: false, address: false };

test('what people type is shown as typed on every screen, and nothing of it is run', async ({ device }) => {
  // C45.
  const a = await device();
  await a.signUp(NAME);
  await a.addBaby(BABY);
  await a.isSynced();
  const owner = await a.api();
  const babyId = await a.babyId();
  const b = await device();
  await b.signUp(OTHER);
  await b.enterCode(await owner.inviteCode(babyId));
  await expect(b.heading(`${NAME} invites you to the log of ${BABY}`)).toBeVisible();
  expect(await harm(b.page)).toEqual(NONE);
  await b.button('Join').click();
  await expect(b.button('Feed')).toBeVisible();
  const { userId } = await (await b.api()).me();
  await owner.must('POST', '/api/babies/caregivers/set-label', { babyId, userId, label: LABEL });
  for (const notes of NOTES) {
    const startedAt = new Date(Date.now() - 600_000).toISOString();
    const [verdict] = await owner.push(babyId, mutation('nappy_log', 'create', { type: 'wee', startedAt, notes }));
    expect(verdict.status, JSON.stringify(verdict)).toBe('applied');
  }
  await b.go('Timeline');
  for (const notes of NOTES) await expect(b.entries(notes), notes).toHaveCount(1, ONE_INTERVAL);
  await b.openEntry(NOTES[0]);
  await expect(b.sheet.getByLabel('Notes')).toHaveValue(NOTES[0]);
  await b.sheet.getByText('History').click();
  await expect(b.sheet.getByText('Written down')).toBeVisible();
  expect(await harm(b.page)).toEqual(NONE);
  await b.page.keyboard.press('Escape');
  await b.go('Caregivers');
  await expect(b.entries(NAME)).toHaveCount(1);
  await expect(b.entries(OTHER)).toContainText(LABEL);
  for (const screen of ['Today', 'Timeline', 'Caregivers', 'Settings', 'Sync']) {
    await b.go(screen);
    await expect(b.page.getByRole('banner')).toContainText(BABY);
    expect(await harm(b.page), screen).toEqual(NONE);
  }
  // The same after a cold start, from what the device keeps.
  await b.page.goto('/timeline');
  await expect(b.entries(NOTES[1])).toHaveCount(1);
  expect(await harm(b.page)).toEqual(NONE);

  await b.go('Settings');
  await b.page.getByRole('link', { name: 'Devices and account' }).click();
  const download = b.page.waitForEvent('download');
  await b.page.getByRole('link', { name: 'Export everything' }).click();
  const document = JSON.parse(await readFile(await (await download).path(), 'utf8'));
  expect(document.account.displayName).toBe(OTHER);
  expect(document.babies[0].name).toBe(BABY);
  const kept = document.babies[0].entries.map(({ payload }) => payload.notes).filter(Boolean);
  expect(kept.sort()).toEqual([...NOTES].sort());
});

test('no private word is in a cache, an address, a title or a cookie that scripts see', async ({ device }) => {
  // C43.
  const words = ['Sentinelname', 'Sentinelbaby', 'sentinelnotes', 'sentinel-mail'];
  const phone = await device();
  const addresses = [];
  phone.context.on('request', (request) => addresses.push(request.url()));
  await phone.signUp('Sentinelname', `sentinel-mail-${Date.now()}@example.org`);
  await phone.addBaby('Sentinelbaby');
  await phone.isInstalled();
  await phone.logBottle();
  await phone.setNotes('Bottle', 'sentinelnotes');
  await phone.isSynced();
  const titles = [];
  for (const screen of ['Today', 'Timeline', 'Caregivers', 'Settings', 'Sync']) {
    await phone.go(screen);
    titles.push(await phone.page.title());
    addresses.push(phone.page.url());
  }
  await phone.page.reload();
  await phone.isSynced();
  const kept = await phone.page.evaluate(async () => {
    // Whose device it is has to be known before a database is open.
    const { 'cradlelog.account': account, ...settings } = { ...localStorage };
    const texts = [document.cookie, JSON.stringify(settings), JSON.stringify({ ...sessionStorage }), JSON.stringify(history.state)];
    let files = 0;
    for (const name of await caches.keys()) {
      const cache = await caches.open(name);
      for (const request of await cache.keys()) {
        texts.push(request.url, await (await cache.match(request)).text());
        files += 1;
      }
    }
    return { account: Object.keys(JSON.parse(account)).sort(), files, text: texts.join('\n') };
  });
  expect(kept.account).toEqual(['displayName', 'userId']);
  expect(kept.files).toBeGreaterThan(5);
  for (const word of words) {
    expect(kept.text.includes(word), `${word} is kept beside the log`).toBe(false);
    expect(addresses.filter((address) => address.includes(word)), word).toEqual([]);
    expect(titles.filter((title) => title.includes(word)), word).toEqual([]);
  }
  await phone.go('Settings');
  await phone.button('Sign out').click();
  await phone.sheet.getByRole('button', { name: 'Sign out', exact: true }).click();
  await expect(phone.button('Sign in')).toBeVisible();
  expect(await phone.page.evaluate(() => JSON.stringify({ ...localStorage }))).not.toMatch(/sentinel/i);
});
