// A device that has nothing yet fetches a log that others wrote.
import { Api, mutation, newEmail } from '../support/api.js';
import { countOf } from '../support/idb.js';
import { expect, test } from '../support/test.js';
import { countWork } from '../support/work.js';

/** A baby with so many nappies, a minute apart. */
async function logOf(api, count) {
  const babyId = await api.createBaby('Juno');
  const from = Date.now() - count * 60_000;
  const nappies = Array.from({ length: count }, (_, n) => (
    mutation('nappy_log', 'create', { type: 'wee', startedAt: new Date(from + n * 60_000).toISOString() })
  ));
  for (let n = 0; n < count; n += 100) await api.push(babyId, ...nappies.slice(n, n + 100));
  return babyId;
}

test('a new device says how far its copy is, and goes on with it after the tab was killed', async ({ api, device }) => {
  // A16, A31, A66, X16.
  const email = newEmail();
  await api.signUp('Ada', email);
  await logOf(api, 1_100);
  const phone = await device();
  const pages = () => phone.watch.requests.filter(({ path }) => path === '/api/sync/snapshot');
  // The second page does not come.
  await phone.context.route(/\/api\/sync\/snapshot\?.*after=/, () => {});
  await phone.signIn(email);
  const progress = phone.page.getByRole('main').getByText('Fetching the log: 500 of 1,101');
  await expect(progress).toBeVisible({ timeout: 20_000 });
  await expect(phone.chip).toHaveText('Fetching the log: 500 of 1,101');
  expect(pages().filter(({ query }) => !query.includes('after=')).length, 'first pages').toBe(1);

  await phone.context.unrouteAll({ behavior: 'ignoreErrors' });
  const before = pages().length;
  await phone.page.reload();
  await phone.holds('nappy_log', 1_100);
  await phone.isSynced();
  await expect(progress).toHaveCount(0);
  const after = pages().slice(before);
  expect(after.length).toBe(2);
  expect(after.every(({ query }) => query.includes('after=')), 'what was there is not fetched again').toBe(true);
});

test('a copy whose cursor the server no longer knows is fetched anew, and what waits is kept', async ({ solo }) => {
  const phone = await solo({ hints: false });
  phone.watch.tolerate('status of 410');
  await phone.logBottle(120);
  await phone.isSynced();
  await phone.goOffline();
  await phone.logBottle(125);
  let expired = 0;
  await phone.context.route('**/api/sync/{v2,pull*}', (route) => {
    if (expired > 0) return route.fallback();
    expired += 1;
    return route.fulfill({ status: 410, json: { code: 'cursor_expired', message: 'too old', field: null, requestId: 'x' } });
  });
  const snapshots = () => phone.watch.requests.filter(({ path }) => path === '/api/sync/snapshot').length;
  const before = snapshots();
  await phone.goOnline();
  await expect.poll(snapshots, { timeout: 15_000 }).toBeGreaterThan(before);
  await phone.isSynced();
  await phone.go('Timeline');
  for (const words of ['Bottle 120 ml', 'Bottle 125 ml']) await expect(phone.entries(words)).toHaveCount(1);
});

test.describe('a log of 10,000 entries', () => {
  // Both tests fetch the same log, so they run one after the other.
  test.describe.configure({ mode: 'default', timeout: 240_000 });
  const LOGS = 10_000;
  /** The logs and the baby itself, in pages of 500. */
  const PAGES = 21;
  const email = newEmail();

  test.beforeAll(async () => {
    const api = new Api(process.env.BASE_URL);
    await api.signUp('Ada', email);
    await logOf(api, LOGS);
  });

  const fetched = (words) => {
    const [, rows] = /log: ([\d,]+) of 10,001/.exec(words) ?? [];
    return rows && Number(rows.replace(',', ''));
  };

  test('comes in with its progress shown, a few rows at a time, and no screen reads more than it shows', async ({ device }) => {
    // A16, A31, B59: what must not happen is one task with a page of rows, or a table read again with every page.
    const phone = await device();
    await phone.page.addInitScript(countWork);
    await phone.signIn(email);
    const seen = [];
    await expect.poll(async () => {
      const words = await phone.chip.textContent({ timeout: 20_000 });
      const rows = fetched(words);
      if (rows && rows !== seen.at(-1)) seen.push(rows);
      return words === 'All saved' && seen.length > 0;
    }, { timeout: 120_000, intervals: [50] }).toBe(true);
    expect(await countOf(phone.page, 'nappy_log')).toBe(LOGS);
    expect(seen.length, `progress was shown: ${seen}`).toBeGreaterThan(3);
    expect(seen, 'and only ever grew').toEqual(seen.toSorted((a, b) => a - b));

    const work = await phone.page.evaluate(() => globalThis.work);
    test.info().annotations.push({ type: 'work', description: JSON.stringify(work) });
    expect(work.stored, 'the copy went through the counted door').toBeGreaterThan(LOGS);
    expect(work.mostAtOnce, 'rows between two turns of the event loop').toBeLessThan(100);
    expect(work.read, 'rows that the screens read meanwhile').toBeLessThan(LOGS / 2);
  });

  test('is fetched on from the same page however often the tab is killed', async ({ device }) => {
    // A16, A66, X16: each life of the tab gets one page, and is killed while it asks for the next.
    let phone = await device();
    const asked = [];
    let allowed = null;
    await phone.context.route('**/api/sync/snapshot?*', (route) => {
      const after = new URL(route.request().url()).searchParams.get('after');
      asked.push(after);
      // Whatever comes after the one page is never answered.
      return after === allowed ? route.fallback() : undefined;
    });
    await phone.signIn(email);
    for (let life = 1; life < PAGES; life += 1) {
      await expect.poll(() => asked.length, { timeout: 20_000 }).toBe(2);
      expect(asked[0], `life ${life} goes on where the last one was`).toBe(allowed);
      await expect(phone.chip).toHaveText(`Fetching the log: ${(500 * life).toLocaleString('en')} of 10,001`);
      [, allowed] = asked.splice(0);
      expect(allowed).toBeTruthy();
      const killed = phone.page;
      phone = await phone.newTab('about:blank');
      await killed.close();
      await phone.page.goto('/');
    }
    await expect(phone.chip).toHaveText('All saved', { timeout: 20_000 });
    expect(asked).toEqual([allowed]);
    expect(await countOf(phone.page, 'nappy_log')).toBe(LOGS);
  });
});
