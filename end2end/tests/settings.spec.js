// What a person prefers is kept on the device and holds at once.
import { expect, test } from '../support/test.js';

for (const [name, theme] of [['Light', 'light'], ['Dark', 'dark'], ['Night', 'night']]) {
  test(`the ${theme} theme is there at the first paint, also without a connection`, async ({ solo }) => {
    const phone = await solo();
    await phone.go('Settings');
    await phone.choose(name);
    await expect(phone.page.locator('html')).toHaveAttribute('data-theme', theme);
    const chosen = await background(phone.page);

    await phone.context.addInitScript(() => {
      // Called right before something is painted, for the first time as soon as there is a body.
      requestAnimationFrame(function look() {
        if (!document.body) return requestAnimationFrame(look);
        const { backgroundColor } = getComputedStyle(document.querySelector('#app .boot') ?? document.body);
        return Object.assign(globalThis, { firstTheme: document.documentElement.dataset.theme, firstBackground: backgroundColor });
      });
    });
    await phone.goOffline();
    await phone.page.goto('/timeline');
    await expect(phone.heading('Timeline')).toBeAttached();
    expect(await phone.page.evaluate(() => globalThis.firstTheme)).toBe(theme);
    const first = await phone.page.evaluate(() => globalThis.firstBackground);
    expect(await brightness(phone.page, first)).toBeCloseTo(await brightness(phone.page, chosen), -1);
    await expect(phone.page.locator('html')).toHaveAttribute('data-theme', theme);
    expect(await background(phone.page)).toBe(chosen);
    const bright = await brightness(phone.page, chosen);
    if (theme === 'night') expect(bright).toBe(0);
    else expect(bright > 128).toBe(theme === 'light');
  });
}

const background = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);

/** 0 for black to 255 for white, whatever notation a colour is in. */
const brightness = (page, colour) => page.evaluate((fill) => {
  const context = new OffscreenCanvas(1, 1).getContext('2d');
  context.fillStyle = fill;
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
  return (red + green + blue) / 3;
}, colour);

test('2.5 oz comes back as 2.5 oz, and as 74 ml to whoever reads ml', async ({ family }) => {
  // Trap 17.
  const { a, b } = await family();
  await a.go('Settings');
  await a.choose('Ounces');
  await a.go('Today');
  // A comma is as good as a point.
  await a.logBottle('2,5');
  await expect(a.tile('Last feed')).toContainText('Bottle 2.5 oz');
  await a.page.reload();
  await expect(a.tile('Last feed')).toContainText('Bottle 2.5 oz');
  await expect(b.tile('Last feed')).toContainText('Bottle 74 ml', { timeout: 9_000 });
  await a.go('Timeline');
  await a.openEntry('Bottle');
  await expect(a.sheet.getByLabel('Amount in')).toHaveValue('2.5');
});

test('the buttons are nearest to the hand that holds the phone', async ({ solo }) => {
  const phone = await solo();
  const middle = async () => {
    const { x, width } = await phone.button('Feed').boundingBox();
    return x + width / 2;
  };
  expect(await middle()).toBeGreaterThan(195);
  await phone.go('Settings');
  await phone.choose('Left');
  await phone.go('Today');
  expect(await middle()).toBeLessThan(195);
  await phone.page.reload();
  expect(await middle()).toBeLessThan(195);
});

test('the buttons that log are in the lower third and large enough', async ({ solo }) => {
  const phone = await solo();
  for (const name of ['Feed', 'Nappy', 'Start sleep']) {
    const { y, width, height } = await phone.button(name).boundingBox();
    expect(width).toBeGreaterThanOrEqual(48);
    expect(height).toBeGreaterThanOrEqual(48);
    expect(y + height / 2).toBeGreaterThan((844 * 2) / 3);
  }
});

test('what cannot be an amount is refused beside the field, and nothing typed is lost', async ({ solo }) => {
  const phone = await solo();
  await phone.button('Feed').click();
  await phone.sheet.getByLabel('Amount in').fill('ninety');
  await phone.sheet.getByRole('button', { name: /^Save/ }).click();
  await expect(phone.sheet.getByRole('alert').filter({ hasText: 'Please give the amount as a number' })).toBeVisible();
  await expect(phone.sheet.getByLabel('Amount in')).toHaveValue('ninety');
  await phone.sheet.getByLabel('Amount in').fill('90');
  await phone.sheet.getByRole('button', { name: /^Save/ }).click();
  await expect(phone.tile('Last feed')).toContainText('Bottle 90 ml');
});

test('times are written with 12 or 24 hours everywhere as this device prefers, and as usual otherwise', async ({ solo }) => {
  const phone = await solo();
  await phone.page.clock.setFixedTime('2026-11-20T13:05:00Z');
  await phone.page.reload();
  await phone.logBottle(90);
  await expect(phone.tile('Last feed')).toContainText('you, 14:05');
  for (const [clock, time] of [['12 hours', /you, 2:05 ?pm/i], ['24 hours', 'you, 14:05'], ['As usual', 'you, 14:05']]) {
    await phone.go('Settings');
    await phone.choose(clock);
    await phone.go('Today');
    await expect(phone.tile('Last feed')).toContainText(time);
    await phone.go('Timeline');
    await expect(phone.entries('Bottle 90 ml')).toContainText(time);
    await phone.page.reload();
    await expect(phone.entries('Bottle 90 ml')).toContainText(time);
  }
});

test('whose language has 12 hours can have 24, and midnight is 00', async ({ solo }) => {
  const phone = await solo({ locale: 'en-US' });
  await phone.page.clock.setFixedTime('2026-11-19T23:05:00Z');
  await phone.page.reload();
  await phone.logBottle(90);
  await expect(phone.tile('Last feed')).toContainText(/you, 12:05 ?AM/);
  await phone.go('Settings');
  await phone.choose('24 hours');
  await phone.go('Today');
  await expect(phone.tile('Last feed')).toContainText('you, 00:05');
});

/** The baby's night, in Tokyo; the phone is in Berlin, eight hours behind. */
async function withNights(phone) {
  await phone.go('Settings');
  await phone.button('Edit Juno').click();
  await phone.sheet.getByLabel('Time zone').selectOption('Asia/Tokyo');
  await phone.sheet.getByLabel('The night begins').fill('19:30');
  await phone.sheet.getByLabel('The night ends').fill('07:00');
  await phone.sheet.getByRole('button', { name: 'Save' }).click();
  await expect(phone.sheet).toBeHidden();
}

test('with auto, the baby\'s night is night: at the first paint, and switched while the app is open', async ({ solo }) => {
  const phone = await solo();
  const theme = (name) => expect(phone.page.locator('html')).toHaveAttribute('data-theme', name);
  await phone.go('Settings');
  await phone.choose('Auto');
  await expect(phone.text("Juno's profile, below, has no night hours yet.")).toBeVisible();
  await phone.page.getByLabel("Night colours during the baby's night hours").check();
  await theme('auto');
  await withNights(phone);
  await expect(phone.text(/Juno's night is from 19:30 to 0?7:00\./)).toBeVisible();

  // 19:29 in Tokyo. The page's clock runs on from there.
  await phone.page.clock.install({ time: '2026-11-20T10:29:50Z' });
  await phone.goOffline();
  await phone.page.reload();
  await theme('auto');
  await phone.page.clock.runFor(16_000);
  await theme('night');
  for (const [time, name] of [
    ['2026-11-20T15:01:00Z', 'night'], // after midnight there
    ['2026-11-20T21:59:30Z', 'night'],
    ['2026-11-20T22:00:30Z', 'auto'],
    ['2026-11-20T23:30:00Z', 'auto'], // night in Berlin, morning in Tokyo
  ]) {
    await phone.page.clock.setFixedTime(time);
    await phone.page.reload();
    expect(await phone.page.evaluate(() => document.documentElement.dataset.theme), time).toBe(name);
  }

  // Whoever chooses a theme has it, whatever the hour.
  await phone.page.clock.setFixedTime('2026-11-20T15:01:00Z');
  await phone.page.reload();
  await theme('night');
  await phone.go('Settings');
  await phone.choose('Light');
  await theme('light');
  await phone.choose('Auto');
  await theme('night');
  await phone.page.getByLabel("Night colours during the baby's night hours").uncheck();
  await theme('auto');
});
