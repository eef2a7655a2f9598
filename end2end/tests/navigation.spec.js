// Going from screen to screen: by links, by the browser's own way back, and by the keyboard.
import { expect, test } from '../support/test.js';

const heading = (phone, name) => expect(phone.page.getByRole('heading', { name, level: 1 })).toBeAttached();
const link = (phone, name) => phone.page.getByRole('navigation').getByRole('link', { name });

test('links change the screen without loading the page, and the way back leads through them', async ({ solo }) => {
  const phone = await solo();
  await phone.page.evaluate(() => { window.loadedOnce = true; });
  await link(phone, 'Timeline').click();
  await heading(phone, 'Timeline');
  await expect(phone.page).toHaveURL(/\/timeline$/);
  await expect(phone.page).toHaveTitle(/Timeline/);
  await expect(link(phone, 'Timeline')).toHaveAttribute('aria-current', 'page');
  await expect(link(phone, 'Today')).not.toHaveAttribute('aria-current');
  await link(phone, 'Settings').click();
  await heading(phone, 'Settings');
  // The same link once more is no step of its own.
  await link(phone, 'Settings').click();

  await phone.page.goBack();
  await heading(phone, 'Timeline');
  await expect(phone.page).toHaveTitle(/Timeline/);
  await phone.page.goBack();
  await heading(phone, 'Today');
  await phone.page.goForward();
  await heading(phone, 'Timeline');
  expect(await phone.page.evaluate(() => window.loadedOnce)).toBe(true);
});

test('a screen starts at its top', async ({ solo }) => {
  const phone = await solo();
  await phone.page.setViewportSize({ width: 390, height: 400 });
  await link(phone, 'Settings').click();
  await heading(phone, 'Settings');
  await phone.page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  expect(await phone.page.evaluate(() => scrollY)).toBeGreaterThan(0);
  await link(phone, 'Caregivers').click();
  await heading(phone, 'Caregivers');
  expect(await phone.page.evaluate(() => scrollY)).toBe(0);
});

test('a link opens elsewhere when the person asks for that', async ({ solo }) => {
  const phone = await solo();
  const [opened] = await Promise.all([
    phone.context.waitForEvent('page'),
    link(phone, 'Settings').click({ modifiers: ['ControlOrMeta'] }),
  ]);
  await expect(opened.getByRole('heading', { name: 'Settings', level: 1 })).toBeVisible();
  await heading(phone, 'Today');
});

test('an address that is no screen says so and leads home', async ({ solo }) => {
  const phone = await solo();
  await phone.page.goto('/no/such/place?log=feed');
  await heading(phone, 'Nothing here');
  await phone.page.getByRole('main').getByRole('link').click();
  await heading(phone, 'Today');
  await phone.page.goto('/timeline/');
  await heading(phone, 'Timeline');
});

test('the first stop of the keyboard skips to what the screen is about', async ({ solo }) => {
  const phone = await solo();
  await phone.page.goto('/timeline');
  await heading(phone, 'Timeline');
  await phone.page.keyboard.press('Tab');
  await phone.page.keyboard.press('Enter');
  await expect(phone.page.getByRole('main')).toBeFocused();
  await heading(phone, 'Timeline');
});
