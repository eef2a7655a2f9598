// A device that has no room, or that throws away what it was given.
import { countOf } from '../support/idb.js';
import { expect, test } from '../support/test.js';

/** The switches of the browser for this site's storage on this device. */
async function storageOf(device) {
  const session = await device.context.newCDPSession(device.page);
  const { origin } = new URL(device.baseURL);
  return {
    limit: (quotaSize) => session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize }),
    unlimit: () => session.send('Storage.overrideQuotaForOrigin', { origin }),
    evict: () => session.send('Storage.clearDataForOrigin', { origin, storageTypes: 'indexeddb' }),
  };
}

test('a device without room says so with what helps, keeps what was typed, and saves it when there is room', async ({ solo }) => {
  test.setTimeout(120_000);
  const phone = await solo();
  const storage = await storageOf(phone);
  await storage.limit(1);
  const save = phone.sheet.getByRole('button', { name: /^Save/ });
  const refused = phone.sheet.getByText('This device has no room left. Nothing was saved; please free some and try again.');
  // Chromium remembers for half a minute how much room there was: until then it goes on saving.
  let amount = 100;
  for (let isFull = false; !isFull;) {
    amount += 1;
    await phone.button('Feed').click();
    await phone.sheet.getByLabel('Amount in').fill(String(amount));
    await save.click();
    const isSaved = phone.sheet.waitFor({ state: 'hidden' }).then(() => false);
    isFull = await Promise.race([isSaved, refused.waitFor().then(() => true)]);
  }
  await expect(phone.sheet.getByLabel('Amount in')).toHaveValue(String(amount));
  expect(await countOf(phone.page, 'feed_log'), 'nothing of it is there').toBe(amount - 101);

  await storage.unlimit();
  await save.click();
  await expect(phone.sheet).toBeHidden();
  await phone.isSynced();
  const changes = await (await phone.api()).changes(await phone.babyId());
  const amounts = changes.map(({ payload }) => payload.amountMl).filter(Boolean);
  expect(amounts).toEqual(Array.from({ length: amount - 100 }, (_, n) => 101 + n));
});

test('what the browser throws away is said, and is fetched anew', async ({ solo }) => {
  const phone = await solo();
  await phone.logBottle(160);
  await phone.logNappy('Poo');
  await phone.isSynced();
  await (await storageOf(phone)).evict();
  const notice = phone.page.getByRole('alert').filter({ hasText: 'The browser closed this app' });
  await expect(notice).toBeVisible();
  const before = phone.watch.requests.length;
  await notice.getByRole('button', { name: 'Reload' }).click();
  await expect(phone.tile('Last feed')).toContainText('Bottle 160 ml');
  await expect(phone.tile('Last nappy')).toContainText('Poo');
  await expect(notice).toHaveCount(0);
  const snapshots = phone.watch.requests.slice(before).filter(({ path }) => path === '/api/sync/snapshot');
  expect(snapshots).toHaveLength(1);
  await phone.logBottle(165);
  await phone.isSynced();
  const changes = await (await phone.api()).changes(await phone.babyId());
  expect(changes.filter(({ entityType }) => entityType === 'feed_log')).toHaveLength(2);
});
