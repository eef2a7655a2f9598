// Today, the timeline, the feed sheet and the Sync page, in the light and in the night theme.
import path from 'node:path';
import { Api, mutation } from '../support/api.js';
import { expect, test } from '../support/test.js';

const { SCREENSHOTS, UNTIL } = process.env;
const PASSWORD = 'hush little baby';

test.beforeAll(async ({ baseURL }) => {
  // Ben has just put her to bed; the timer is on everybody's screen.
  const ben = new Api(baseURL);
  await ben.signIn('ben@demo.example', PASSWORD);
  const { babies: [{ babyId }] } = await ben.me();
  const startedAt = new Date(Date.parse(UNTIL) - 18 * 60_000).toISOString();
  await ben.push(babyId, mutation('sleep_log', 'create', { startedAt, kind: 'nap' }));
});

for (const theme of ['light', 'night']) {
  test(`pictures in the ${theme} theme`, async ({ device }) => {
    const phone = await device({ reducedMotion: 'reduce' });
    await phone.context.addInitScript((name) => {
      if (!location.protocol.startsWith('http')) return;
      localStorage.setItem('theme', name);
      localStorage.setItem('installHintDismissed', 'yes');
    }, theme);
    await phone.page.clock.setFixedTime(UNTIL);
    const picture = async (name) => {
      await phone.page.evaluate(() => document.fonts.ready);
      await phone.page.screenshot({ path: path.join(SCREENSHOTS, `${name}-${theme}.png`) });
    };

    await phone.page.goto('/');
    await phone.fillSignIn('anna@demo.example', PASSWORD);
    await expect(phone.button('Feed')).toBeVisible();
    await phone.isSynced();
    await picture('today');

    await phone.button('Feed').click();
    await expect(phone.sheet.getByRole('button', { name: /^Save|^Start/ }).first()).toBeVisible();
    await picture('feed');
    await phone.page.keyboard.press('Escape');

    await phone.go('Timeline');
    await expect(phone.entries('Bottle').first()).toBeVisible();
    await picture('timeline');

    await phone.isInstalled();
    await phone.goOffline();
    await phone.go('Today');
    await phone.logNappy('Wee');
    await expect(phone.toast('Saved')).toHaveCount(0, { timeout: 15_000 });
    await phone.go('Sync');
    await picture('sync');
  });
}
