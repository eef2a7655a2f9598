// One hand in the dark: large buttons, running timers, a screen that stays lit, and one way out.
import { expect, test } from '../support/test.js';

/** Stands in for the browser's wake lock, and counts. */
function countLocks() {
  const locks = { held: 0, asked: 0 };
  globalThis.locks = locks;
  const release = (sentinel) => {
    if (sentinel.released) return;
    sentinel.released = true;
    locks.held -= 1;
  };
  const request = async () => {
    if (document.visibilityState !== 'visible') throw new DOMException('not on screen', 'NotAllowedError');
    locks.asked += 1;
    locks.held += 1;
    const sentinel = { released: false, release: async () => release(sentinel) };
    // As a browser does it, before it tells anybody.
    addEventListener('visibilitychange', () => document.visibilityState === 'hidden' && release(sentinel), { capture: true });
    return sentinel;
  };
  Object.defineProperty(navigator, 'wakeLock', { configurable: true, value: { request } });
}

const held = (phone) => phone.page.evaluate(() => globalThis.locks.held);

async function openBedside(phone) {
  await phone.page.getByRole('link', { name: 'Bedside' }).click();
  await expect(phone.page.getByRole('heading', { name: 'Bedside' })).toBeAttached();
}

const leave = (phone) => phone.page.getByRole('link', { name: 'Leave' });

/** Everything that can be pressed: `[name, width, height]` of what is smaller than 96 px. */
const small = (phone) => phone.page.evaluate(() => [...document.querySelectorAll('main button, main a')]
  .map((target) => ({ name: target.textContent.trim(), box: target.getBoundingClientRect() }))
  .filter(({ box }) => box.width < 96 || box.height < 96)
  .map(({ name, box }) => [name, box.width, box.height]));

for (const width of [320, 390]) {
  test(`every button is 96 px and more at a width of ${width} px, and logs as on Today`, async ({ solo }) => {
    const phone = await solo({ viewport: { width, height: 640 } });
    await openBedside(phone);
    await expect(phone.page.getByRole('navigation')).toHaveCount(0);
    await phone.button('Start sleep').click();
    await expect(phone.timer('Asleep')).toBeVisible();
    expect(await small(phone)).toEqual([]);
    await phone.logNappy('Poo');
    await phone.logBottle(90);
    await phone.timer('Asleep').getByRole('button', { name: 'Stop sleep' }).click();
    await expect(phone.timer('Asleep')).toHaveCount(0);
    expect(await phone.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);

    await phone.button('Feed').click();
    await phone.choose('Breast', phone.sheet);
    const { height } = await phone.sheet.getByRole('button', { name: 'Start left' }).boundingBox();
    expect(height).toBeGreaterThanOrEqual(96);
    await phone.sheet.getByRole('button', { name: 'Start left' }).click();
    await expect(phone.timer('Feeding, left side')).toBeVisible();
    await expect(phone.toast('Saved, the timer runs')).toBeVisible();
    expect(await small(phone)).toEqual([]);
    await leave(phone).click();
    await expect(phone.page.getByRole('navigation', { name: 'Main' })).toBeVisible();
    await phone.go('Timeline');
    for (const words of ['Poo', 'Bottle 90 ml', 'Slept', 'Breast']) await expect(phone.entries(words)).toHaveCount(1);
  });
}

test('a feed takes a break, on any device, and the break is not counted', async ({ family }) => {
  const { a, b } = await family();
  await a.button('Feed').click();
  await a.choose('Breast', a.sheet);
  await a.sheet.getByRole('button', { name: '5 minutes earlier', exact: true }).click();
  await a.sheet.getByRole('button', { name: 'Start left' }).click();
  await expect(a.timer('Feeding, left side')).toBeVisible();
  await openBedside(b);
  await b.timer('Feeding, left side').getByRole('button', { name: 'Pause' }).click({ timeout: 15_000 });
  const elapsed = () => b.timer('Feeding, paused').getByRole('timer').textContent();
  const paused = await elapsed();
  expect(paused).toMatch(/^5:\d\d$/);
  await b.page.waitForTimeout(2_500);
  expect(await elapsed()).toBe(paused);
  await expect(a.timer('Feeding, paused')).toBeVisible({ timeout: 9_000 });
  await a.timer('Feeding, paused').getByRole('button', { name: 'Go on' }).click();
  await expect(a.timer('Feeding, left side')).toBeVisible();
  await a.timer('Feeding, left side').getByRole('button', { name: 'Stop feed' }).click();
  await a.go('Timeline');
  await expect(a.entries('Breast, left 5 min')).toHaveCount(1);
});

test('the screen stays lit at the bedside, also after it was away, and goes dark again elsewhere', async ({ solo }) => {
  const phone = await solo();
  await phone.context.addInitScript(countLocks);
  await phone.page.reload();
  await openBedside(phone);
  await expect.poll(() => held(phone)).toBe(1);
  await phone.setVisible(false);
  await expect.poll(() => held(phone)).toBe(0);
  await phone.setVisible(true);
  await expect.poll(() => held(phone)).toBe(1);
  await leave(phone).click();
  await expect.poll(() => held(phone)).toBe(0);
  // Straight to it, as from a bookmark.
  await phone.page.goto('/bedside');
  await expect.poll(() => held(phone)).toBe(1);
  expect(await phone.page.evaluate(() => globalThis.locks.asked)).toBe(1);
});

test('the screen stays lit for who is nursing, and not for a break or for another caregiver', async ({ family }) => {
  const { a, b } = await family();
  for (const phone of [a, b]) {
    await phone.context.addInitScript(countLocks);
    await phone.page.reload();
  }
  await a.button('Feed').click();
  await a.choose('Breast', a.sheet);
  await a.sheet.getByRole('button', { name: 'Start left' }).click();
  await expect.poll(() => held(a)).toBe(1);
  await expect(b.timer('Feeding, left side')).toBeVisible({ timeout: 9_000 });
  expect(await held(b)).toBe(0);
  await a.timer('Feeding, left side').getByRole('button', { name: 'Pause' }).click();
  await expect.poll(() => held(a)).toBe(0);
  await a.timer('Feeding, paused').getByRole('button', { name: 'Go on' }).click();
  await expect.poll(() => held(a)).toBe(1);
  await a.timer('Feeding, left side').getByRole('button', { name: 'Stop feed' }).click();
  await expect.poll(() => held(a)).toBe(0);
});

test('without a wake lock, and without a connection, everything else is there', async ({ solo }) => {
  const phone = await solo();
  await phone.context.addInitScript(() => Object.defineProperty(navigator, 'wakeLock', { configurable: true, value: undefined }));
  await phone.goOffline();
  await phone.page.goto('/bedside');
  await phone.button('Start sleep').click();
  await expect(phone.timer('Asleep')).toBeVisible();
});

test('the bedside is dark whatever the theme, from its first paint on, and nowhere else is', async ({ solo }) => {
  const phone = await solo();
  await phone.go('Settings');
  await phone.choose('Light');
  await phone.go('Today');
  await openBedside(phone);
  const theme = (name) => expect(phone.page.locator('html')).toHaveAttribute('data-theme', name);
  await theme('night');
  await phone.page.reload();
  await theme('night');
  await leave(phone).click();
  await theme('light');
  await phone.page.goBack();
  await theme('night');
  await phone.page.goForward();
  await theme('light');
});
