// A new device fetches a long log: how long the longest task of the page's thread is meanwhile, from the
// press on "Sign in" until all is here, read in Chromium's own trace; and how long it takes.
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Api, mutation, newEmail } from '../support/api.js';
import { Device } from '../support/device.js';
import { baseURL, mustBeClean, report } from './browser.js';

const LOGS = Number(process.env.LOGS ?? 10_000);
const COPIES = Number(process.env.COPIES ?? 5);
/** The largest push. */
const BATCH = 100;
const MARK = 'first copy';

/** Feeds, sleeps and nappies, one every forty minutes until now. */
async function write(email) {
  const api = new Api(baseURL);
  await api.signUp('Ada', email);
  const babyId = await api.createBaby('Juno');
  const until = Date.now();
  const logs = Array.from({ length: LOGS }, (_, n) => {
    const at = until - (LOGS - n) * 40 * 60_000;
    const [startedAt, endedAt] = [at, at + 30 * 60_000].map((ms) => new Date(ms).toISOString());
    return [
      () => mutation('nappy_log', 'create', { type: 'wee', startedAt }),
      () => mutation('feed_log', 'create', { method: 'bottle', amountMl: 90, startedAt, notes: 'took it all and fell asleep' }),
      () => mutation('sleep_log', 'create', { startedAt, endedAt }),
    ][n % 3]();
  });
  for (let n = 0; n < LOGS; n += BATCH) await api.push(babyId, ...logs.slice(n, n + BATCH));
}

/** The milliseconds of every task on the thread that set the mark. */
function tasksOf({ traceEvents }) {
  const { pid, tid } = traceEvents.find(({ name, cat }) => name === MARK && cat.includes('user_timing'));
  const tasks = traceEvents.filter((event) => event.name === 'RunTask' && event.pid === pid && event.tid === tid);
  return tasks.map(({ dur = 0 }) => dur / 1000);
}

async function copy(browser, email) {
  const phone = await Device.open(browser, baseURL);
  await phone.page.goto('/');
  await phone.isInstalled();
  const path = join(tmpdir(), `first-copy-${process.pid}.json`);
  await browser.startTracing(phone.page, { path, categories: ['disabled-by-default-devtools.timeline', 'blink.user_timing'] });
  await phone.page.evaluate((mark) => performance.mark(mark), MARK);
  const from = Date.now();
  await phone.fillSignIn(email);
  await phone.chip.getByText(/Fetching the log/).waitFor();
  await phone.chip.getByText('All saved').waitFor({ timeout: 120_000 });
  const took = Date.now() - from;
  await browser.stopTracing();
  const tasks = tasksOf(JSON.parse(await readFile(path, 'utf8')));
  await rm(path);
  mustBeClean(phone);
  await phone.context.close();
  return { took, longest: Math.max(...tasks) };
}

await report(async (browser) => {
  const email = newEmail();
  await write(email);
  const copies = [];
  for (let n = 0; n < COPIES; n += 1) copies.push(await copy(browser, email));
  return { logs: LOGS, took: copies.map(({ took }) => took), longest: copies.map(({ longest }) => longest) };
});
