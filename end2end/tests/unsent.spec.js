// What the server has not heard of yet, or will not hear of, is said as it is.
import { expect, test } from '../support/test.js';
import { ONE_INTERVAL } from '../support/device.js';
import { PUSH, sent } from '../support/watch.js';

/** Keeps every push on the way until it is called. */
async function holdPushes(context) {
  let letGo;
  const held = new Promise((resolve) => { letGo = resolve; });
  await context.route(PUSH, async (route) => {
    await held;
    return route.fallback();
  });
  return letGo;
}

test('the caregivers of a baby that is still being sent are asked for as soon as it is there', async ({ device }) => {
  const phone = await device();
  await phone.signUp('Ada');
  await phone.isInstalled();
  await phone.goOffline();
  await phone.addBaby('Juno');
  await phone.go('Caregivers');
  await expect(phone.text('This baby is still being sent to the server.')).toBeVisible();
  await expect(phone.page.getByRole('main').getByRole('alert')).toHaveCount(0);
  await expect(phone.button('Make a code')).toHaveCount(0);

  await phone.goOnline();
  // Nobody presses anything, and nobody asked about a baby that the server did not know.
  await expect(phone.entries('Ada (you)')).toBeVisible({ timeout: 15_000 });
  await expect(phone.text('This baby is still being sent to the server.')).toHaveCount(0);
  await phone.button('Make a code').click();
  await expect(phone.page.getByTestId('invite-code')).toBeVisible();
});

test('a change of an entry that the server knows is marked until it is sent', async ({ solo }) => {
  const phone = await solo();
  await phone.logBottle(120);
  await phone.logNappy('Wee');
  await phone.isSynced();
  await phone.goOffline();
  await phone.setNotes('Bottle', 'half of it came back');
  await expect(phone.entries('Bottle')).toContainText('waiting to send');
  await expect(phone.entries('Wee')).not.toContainText('waiting to send');
  await phone.page.reload();
  await expect(phone.entries('Bottle')).toContainText('waiting to send');
  await phone.goOnline();
  await phone.isSynced();
  await expect(phone.entries('half of it came back')).not.toContainText('waiting to send');
});

test('nothing says that all is saved on the server while something waits', async ({ solo }) => {
  const phone = await solo();
  const letGo = await holdPushes(phone.context);
  // Every state of the screen from here on: what the toast says, and what the chip says beside it.
  await phone.page.evaluate(() => {
    globalThis.shown = [];
    new MutationObserver(() => {
      const toast = document.querySelector('.toast')?.textContent ?? '';
      globalThis.shown.push({ toast, chip: document.querySelector('.chip').textContent.trim() });
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  await phone.logBottle(110);
  await expect(phone.chip).toHaveText('Sending 1');
  const shown = await phone.page.evaluate(() => globalThis.shown);
  expect(shown.some(({ toast }) => toast.includes('Saved'))).toBe(true);
  expect(shown.filter(({ toast, chip }) => toast.includes('Saved') && chip === 'All saved')).toEqual([]);
  letGo();
  await phone.isSynced();
});

test('a baby that the server refuses is told as that, and can be sent again with what hangs on it', async ({ device }) => {
  const phone = await device();
  phone.watch.tolerate('status of 403');
  phone.watch.tolerate('status of 404');
  await phone.signUp('Ada');
  await phone.context.route(PUSH, async (route) => {
    const body = route.request().postDataJSON();
    const { syncOperationId } = body;
    const { mutations } = sent(body);
    const error = { code: 'invalid_payload', field: 'name', message: 'not to my taste' };
    const results = mutations.map(({ mutationId }) => ({ mutationId, status: 'rejected', version: null, serverData: null, error }));
    return route.fulfill({ json: { results, syncOperationId, serverTime: new Date().toISOString(), clockSkewMs: 0 } });
  });
  await phone.addBaby('Juno');
  const told = phone.page.getByRole('alert').filter({ hasText: 'The server did not take in Juno.' });
  await expect(told).toBeVisible({ timeout: 20_000 });
  await expect(phone.text('Access revoked')).toHaveCount(0);
  // It is told once, by name.
  await phone.networkIsQuiet();
  await expect(phone.text('The server did not take in')).toHaveCount(1);
  await told.getByRole('link', { name: 'Look' }).click();
  await expect(phone.letters('Juno')).toContainText('The server found a value that cannot be right.');

  await phone.context.unrouteAll({ behavior: 'ignoreErrors' });
  await phone.letters('Juno').getByRole('button', { name: 'Retry' }).click();
  await phone.isSynced();
  await expect(phone.page.getByRole('banner')).toContainText('Juno');
  expect(await phone.babyId('Juno')).toBeTruthy();
});

test('a row that cannot be read back is told with what helps, and logging goes on', async ({ solo }) => {
  const phone = await solo();
  const babyId = await phone.babyId();
  await phone.page.evaluate(async (id) => {
    const settled = (request) => new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    const [{ name }] = (await indexedDB.databases()).filter((found) => found.name.startsWith('cradlelog'));
    const database = await settled(indexedDB.open(name));
    const rows = database.transaction('sleep_log', 'readwrite').objectStore('sleep_log');
    await settled(rows.put({ row: 'torn', at: `${id}/2999-01-01T00:00:00.000Z` }, `${id}/torn`));
    database.close();
  }, babyId);
  await phone.page.reload();
  const told = phone.page.getByRole('alert').filter({ hasText: 'Something kept on this device cannot be read back.' });
  await expect(told).toBeVisible();
  await expect(phone.text("closed this app's storage")).toHaveCount(0);
  await expect(told.getByRole('link', { name: 'Look' })).toBeVisible();
  await phone.logBottle(95);
  await phone.isSynced();
  await expect(phone.tile('Last feed')).toContainText('Bottle 95 ml', ONE_INTERVAL);
});
