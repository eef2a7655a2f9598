// The timeline is searched on the device: by words, kinds and caregivers, over the whole of a long log.
import { mutation, newId } from '../support/api.js';
import { ONE_INTERVAL } from '../support/device.js';
import { fill } from '../support/idb.js';
import { expect, test } from '../support/test.js';
import { countWork } from '../support/work.js';

const box = (phone) => phone.page.getByRole('searchbox', { name: 'Search notes and entries' });
const said = (phone, words) => phone.page.getByRole('status').filter({ hasText: words });
const unfold = (phone) => phone.page.getByRole('search').getByText(/^Filter/).click();
const kind = (phone, name) => phone.page.getByRole('checkbox', { name, exact: true });
const tick = (phone, name) => phone.page.getByRole('group', { name: 'Kind of entry' }).getByText(name, { exact: true }).click();
const back = (days) => new Date(Date.now() - days * 86_400_000).toISOString();

test('words are looked for in notes and in what an entry says, without a connection', async ({ solo }) => {
  const phone = await solo();
  const api = await phone.api();
  await api.push(
    await phone.babyId(),
    mutation('nappy_log', 'create', { type: 'poo', startedAt: back(0.1), notes: 'After the Crème brûlée' }),
    mutation('nappy_log', 'create', { type: 'wee', startedAt: back(40), notes: 'at the seaside' }),
    mutation('feed_log', 'create', { method: 'bottle', amountMl: 90, content: 'formula', startedAt: back(400) }),
  );
  await phone.holds('nappy_log', 2);
  await phone.holds('feed_log', 1);
  await phone.goOffline();
  await phone.go('Timeline');

  await box(phone).fill('creme BRULEE');
  await expect(said(phone, '1 found in the whole log.')).toBeVisible();
  await expect(phone.entries('After the Crème brûlée')).toHaveCount(1);
  await expect(phone.page.getByRole('main').locator('.entry')).toHaveCount(1);

  // What an entry says of itself, and an entry that is years back.
  await box(phone).fill('formula 90');
  await expect(phone.entries('Bottle 90 ml, formula')).toHaveCount(1);
  await expect(phone.page.getByRole('heading', { level: 2 }).filter({ hasText: back(400).slice(0, 4) })).toBeVisible();

  await box(phone).fill('unicorn');
  await expect(said(phone, 'Nothing in the whole log matches.')).toBeVisible();
  await phone.button('Clear the search').click();
  await expect(box(phone)).toHaveValue('');
  await expect(phone.day('Today')).toBeVisible();
});

test('kinds and caregivers are chosen, and stay chosen while the app is open', async ({ family }) => {
  const { a, b } = await family();
  await a.logBottle(90);
  await b.logNappy('Poo');
  await b.logBottle(120);
  await a.logNappy('Wee');
  await expect(a.tile('Last feed')).toContainText('120 ml', ONE_INTERVAL);
  await a.go('Timeline');
  await unfold(a);
  await tick(a, 'Feed');
  await expect(said(a, '2 found in the whole log.')).toBeVisible();
  await tick(a, 'Nappy');
  await expect(said(a, '4 found in the whole log.')).toBeVisible();
  await a.page.getByLabel('Logged by').selectOption('Ben');
  await expect(said(a, '2 found in the whole log.')).toBeVisible();
  for (const words of ['Poo', 'Bottle 120 ml']) await expect(a.entries(words)).toHaveCount(1);

  await a.go('Today');
  await a.go('Timeline');
  await expect(a.page.getByText('Filter: Feed, Nappy, Ben')).toBeVisible();
  await expect(said(a, '2 found in the whole log.')).toBeVisible();
  await unfold(a);
  await expect(kind(a, 'Feed')).toBeChecked();
  await tick(a, 'Feed');
  await a.page.getByLabel('Logged by').selectOption('You');
  await expect(said(a, '1 found in the whole log.')).toBeVisible();
  await expect(a.entries('Wee')).toHaveCount(1);
  await a.button('Clear the search').click();
  await expect(a.day('Today')).toBeVisible();
});

test('what is found follows what happens to it', async ({ solo }) => {
  const phone = await solo();
  await phone.logNappy('Poo');
  await phone.logNappy('Wee');
  await phone.go('Timeline');
  await box(phone).fill('poo');
  await expect(said(phone, '1 found in the whole log.')).toBeVisible();
  await phone.entries('Poo').getByRole('button', { name: /^Delete/ }).click();
  await expect(said(phone, 'Nothing in the whole log matches.')).toBeVisible();
  await phone.toast('Deleted').getByRole('button', { name: 'Undo' }).click();
  await expect(phone.entries('Poo')).toHaveCount(1);
  await phone.entries('Poo').getByRole('button', { name: /^Edit/ }).click();
  await phone.sheet.getByLabel('Notes').fill('a green one');
  await phone.sheet.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(phone.entries('a green one')).toHaveCount(1);
});

test.describe('five years of it', () => {
  test.describe.configure({ timeout: 180_000 });
  const ENTRIES = 70_000;

  test('are never read at once: a screenful is enough, more comes when asked, and other words end the search', async ({ solo }) => {
    const phone = await solo();
    await phone.logNappy('Dry');
    await phone.isSynced();
    await phone.page.addInitScript(countWork);
    await phone.goOffline();
    const span = 5 * 365 * 86_400_000;
    await fill(phone.page, 'nappy_log', Array.from({ length: ENTRIES }, (_, n) => ({
      id: newId(),
      startedAt: new Date(Date.now() - span + (n * span) / ENTRIES).toISOString(),
      type: n % 2 ? 'wee' : 'poo',
      notes: n === 3 ? 'the very first needle' : n % 7 ? '' : 'a common word',
    })));
    await phone.page.reload();
    await phone.go('Timeline');
    await expect(phone.day('Today')).toBeVisible();
    await expect(phone.entries('Wee').first()).toBeVisible();
    const read = () => phone.page.evaluate(() => globalThis.work.read);

    let before = await read();
    await box(phone).fill('common');
    await expect(phone.button('Search further back')).toBeVisible();
    const first = await phone.entries('a common word').count();
    expect(first).toBeGreaterThanOrEqual(30);
    expect(await read() - before, 'rows read for a screenful').toBeLessThan(1_500);
    before = await read();
    await phone.button('Search further back').click();
    await expect.poll(() => phone.entries('a common word').count()).toBeGreaterThanOrEqual(first + 30);
    await expect(phone.button('Search further back')).toBeVisible();
    expect(await read() - before, 'rows read for another one').toBeLessThan(2_500);

    // A needle at the far end: it says how far it is, and the screen stays free meanwhile.
    const started = Date.now();
    before = await read();
    await box(phone).fill('needle');
    await expect(phone.page.getByText(/^Searching… back to \w+ ?.* 20\d\d/)).toBeVisible();
    await expect(said(phone, '1 found in the whole log.')).toBeVisible({ timeout: 60_000 });
    await expect(phone.entries('the very first needle')).toHaveCount(1);
    const work = await phone.page.evaluate(() => globalThis.work);
    test.info().annotations.push({ type: 'walk', description: `${Date.now() - started} ms for ${work.read - before} rows, long tasks ${work.longTasks}` });
    expect(work.mostAtOnce, 'rows between two turns of the event loop').toBeLessThan(1_500);

    // Other words end a search that is under way.
    await box(phone).fill('no such thing');
    await expect(phone.page.getByText(/^Searching… back to/)).toBeVisible();
    await box(phone).fill('common');
    await expect(phone.button('Search further back')).toBeVisible();
    before = await read();
    await phone.page.waitForTimeout(500);
    expect(await read() - before, 'rows read by a search that nobody waits for').toBe(0);
  });
});

test('what a search is made of is large enough for a thumb on a narrow phone', async ({ solo }) => {
  const phone = await solo({ viewport: { width: 320, height: 640 } });
  await phone.go('Timeline');
  await unfold(phone);
  await tick(phone, 'Feed');
  const controls = phone.page.getByRole('search').locator('input[type=search], select, summary, .choice-option, button');
  expect(await controls.count()).toBeGreaterThanOrEqual(7);
  for (const control of await controls.all()) expect((await control.boundingBox()).height).toBeGreaterThanOrEqual(48);
});
