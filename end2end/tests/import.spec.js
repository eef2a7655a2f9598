// A file of an earlier baby log: looked at, loaded without a connection, and then everywhere.
import { expect, test } from '../support/test.js';
import { ONE_INTERVAL } from '../support/device.js';
import { stored } from '../support/idb.js';

/** So many hours ago, which is today or yesterday. */
const ago = (hours) => new Date(Date.now() - hours * 3_600_000).toISOString();

const RECORDS = {
  baby: [{ id: 1, name: 'Mira', birthDate: '2026-05-01', gender: 'female' }],
  feed_log: [{ id: 11, babyId: 1, type: 'bottle', time: Date.parse(ago(20)), amount: 120 }],
  sleep_log: [{ id: 11, babyId: 1, startTime: ago(18), endTime: ago(16.5) }],
  nappy_log: [{ id: 5, babyId: 1, time: ago(16), type: 'wee' }],
};
const QUEUE = [
  { changeId: 'a', type: 'CREATED', entityType: 'nappy_log', entityId: 'tmp-1', timestamp: ago(15), retryCount: 3, data: { babyId: 1, time: ago(15), type: 'poo' } },
  { changeId: 'b', type: 'UPDATED', entityType: 'sleep_log', entityId: 11, data: JSON.stringify({ notes: 'in the pram' }) },
];

const file = (change = {}) => ({ format: 'baby-log-export', version: 1, source: 'kitchen-tablet', records: RECORDS, queue: QUEUE, ...change });

/** To the screen as a person goes there, and chooses a file. */
async function choose(phone, content) {
  await phone.go('Settings');
  await phone.page.getByRole('link', { name: 'Import from an earlier baby log' }).click();
  const buffer = Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
  await phone.page.getByLabel('The file that the earlier log exported').setInputFiles({ name: 'log.json', mimeType: 'application/json', buffer });
}

const said = (phone) => phone.page.getByRole('main').getByRole('status');

test('an earlier log is loaded offline, once, and reaches everybody when there is a connection', async ({ solo, device }) => {
  // B22, B26, C14, C15, C16, C39, A20, A22, B81: state and queue of the earlier log become this one's.
  const phone = await solo();
  await phone.goOffline();
  await choose(phone, file());
  await expect(said(phone)).toContainText('Nappy2 new');
  expect((await stored(phone.page)).idMap, 'nothing is written before it is agreed to').toEqual([]);
  await phone.button('Load').click();
  await expect(said(phone)).toContainText('Loaded. It is kept on this device');
  await phone.button('See Mira').click();
  await expect(phone.entries('Bottle 120 ml')).toBeVisible();
  await expect(phone.entries('in the pram')).toBeVisible();
  for (const type of ['Wee', 'Poo']) await expect(phone.entries(type)).toBeVisible();
  await expect(phone.chip).toHaveText('5 waiting, will send when online');

  await choose(phone, file());
  await expect(said(phone)).toContainText('Everything that can be loaded is here already.');
  await expect(phone.button('Load')).toHaveCount(0);

  await phone.goOnline();
  await phone.isSynced();
  const other = await device();
  await other.signUp('Ben');
  await other.join(await (await phone.api()).inviteCode(await phone.babyId('Mira')));
  await other.go('Timeline');
  await expect(other.entries('Bottle 120 ml')).toBeVisible(ONE_INTERVAL);
  await expect(other.entries('in the pram')).toBeVisible();
  for (const type of ['Wee', 'Poo']) await expect(other.entries(type)).toBeVisible();

  // The same file on the other caregiver's device is the same baby and the same entries.
  await choose(other, file());
  await expect(said(other)).toContainText('Everything that can be loaded is here already.');

  const nappies = [...RECORDS.nappy_log, { id: 6, babyId: 1, time: ago(14), type: 'dry' }];
  await choose(phone, file({ records: { ...RECORDS, nappy_log: nappies } }));
  await expect(said(phone)).toContainText('Nappy1 new, 0 changed, 2 here already');
  await phone.button('Load').click();
  await expect(said(phone)).toContainText('Loaded.');
  await expect.poll(async () => (await stored(other.page)).nappy_log.length, ONE_INTERVAL).toBe(3);
});

test('what is wrong with a file is said, and nothing of it is half loaded', async ({ solo }) => {
  const phone = await solo();
  const before = (await stored(phone.page)).baby.length;
  const refused = [
    ['{"format": "baby-log-', 'it is not complete JSON'],
    ['[1, 2]', 'This is not an export of a baby log'],
    [file({ version: 2 }), 'another version than 1'],
    [file({ source: '' }), 'does not say where it comes from'],
    [file({ records: [] }), 'The part “records” of this file has the wrong form'],
    [file({ records: {}, queue: [] }), 'nothing in this file to load'],
  ];
  for (const [content, words] of refused) {
    await choose(phone, content);
    await expect(said(phone)).toContainText(words);
    await expect(phone.button('Load')).toHaveCount(0);
  }
  const records = {
    ...RECORDS,
    feed_log: [{ id: 11, babyId: 1, type: 'bottle', time: ago(20), amount: -5 }, { id: 12, babyId: 9, type: 'breast', time: ago(19) }],
    pram_log: [{ id: 3 }],
  };
  await choose(phone, file({ records }));
  await expect(said(phone)).toContainText('What “amount” says cannot be read or is out of range');
  await expect(said(phone)).toContainText('feed_log 11');
  await expect(said(phone)).toContainText('does not lead to a baby that is loaded. It is about: feed_log 12');
  await expect(said(phone)).toContainText('Nothing of this kind is kept here. It is about: pram_log 3');
  expect((await stored(phone.page)).baby.length).toBe(before);
  await phone.button('Load').click();
  await expect(said(phone)).toContainText('Loaded.');
  const { sleep_log: sleeps, feed_log: feeds } = await stored(phone.page);
  expect([sleeps.length, feeds.length]).toEqual([1, 0]);
});
