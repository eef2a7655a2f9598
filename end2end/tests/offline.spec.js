// The app starts without a connection, on every address.
import { expect, test } from '../support/test.js';
import { ONE_INTERVAL } from '../support/device.js';

const ROUTES = {
  '/': 'Today',
  '/timeline': 'Timeline',
  '/settings': 'Settings',
  '/sync': 'Sync',
  '/caregivers': 'Caregivers',
  '/no/such/place': 'Nothing here',
};

/** trap_12: a service worker that cannot open the store never started offline. */
test('trap_12 every route starts cold without a connection, an unknown one included', async ({ solo }) => {
  const phone = await solo();
  await phone.logBottle();
  await phone.isSynced();
  await phone.goOffline();
  await phone.page.close();
  for (const [path, heading] of Object.entries(ROUTES)) {
    const tab = await phone.newTab(path);
    await expect(tab.page.getByRole('heading', { name: heading, level: 1 }), path).toBeAttached();
    await tab.page.close();
  }
  const today = await phone.newTab('/');
  await expect(today.tile('Last feed')).toContainText('Bottle 90 ml');
});

test('what was logged offline survives reloads on three screens and reaches the other caregiver by itself', async ({ family }) => {
  // A20, A21, A35, A45, A62, B81, C09, C39.
  const { a, b } = await family();
  await a.goOffline();
  await a.logBottle(135);
  for (const path of ['/', '/timeline', '/settings']) {
    await a.page.goto(path);
    await expect(a.chip).toHaveText('1 waiting, will send when online');
    await a.page.reload();
    await expect(a.chip).toHaveText('1 waiting, will send when online');
  }
  await a.page.goto('/');
  await expect(a.tile('Last feed')).toContainText('Bottle 135 ml');
  // Nothing has reached anybody yet.
  await expect(b.tile('Last feed')).not.toContainText('135');

  await a.goOnline();
  await a.isSynced();
  // B touches nothing.
  await expect(b.tile('Last feed')).toContainText('Bottle 135 ml', ONE_INTERVAL);
  await expect(b.tile('Last feed')).toContainText('Ada');
});

test('the tick never waits for the network', async ({ solo }) => {
  // A65, B01, B59, C21: here every answer of the server is held back for as long as the test lasts.
  const phone = await solo();
  const held = [];
  await phone.context.route('**/api/**', (route) => held.push(route));
  await phone.logBottle();
  await phone.logNappy('Poo');
  await expect(phone.tile('Last nappy')).toContainText('Poo');
  await phone.context.unrouteAll({ behavior: 'ignoreErrors' });
  for (const route of held) await route.continue().catch(() => { /* its page gave the request up */ });
  await phone.isSynced();
});
