// Every language is there in full: chosen in Settings, without a connection, and on the narrowest phone.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from '../support/test.js';

const LANGUAGES = ['de', 'fr', 'es', 'pt-BR', 'zh-Hans', 'ar'];
const ROUTES = ['/timeline', '/caregivers', '/settings', '/sync', '/account', '/bin', '/bedside', '/welcome', '/import', '/?log=feed', '/?log=nappy', '/'];

const FILES = new URL('../../src/ui/locales/', import.meta.url);
const wordsOf = (tag) => JSON.parse(readFileSync(new URL(`${tag}.json`, FILES)));

for (const tag of LANGUAGES) {
  test(`all of it is there in ${tag}, without a connection, and nothing is cut off at 320 px`, async ({ solo }) => {
    const phone = await solo({ viewport: { width: 320, height: 640 } });
    const { page } = phone;
    const words = wordsOf(tag);
    await phone.logBottle('90');
    await phone.go('Settings');
    await page.getByLabel('Language').selectOption(tag);
    const root = page.locator('html');
    await expect(root).toHaveAttribute('lang', tag);
    await expect(root).toHaveAttribute('dir', tag === 'ar' ? 'rtl' : 'ltr');
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(words.nav.settings);

    await phone.goOffline();
    for (const route of ROUTES) {
      await page.goto(route);
      await expect(root).toHaveAttribute('lang', tag);
      await expect(page.locator(route.includes('log=') ? '[role=dialog], dialog' : 'main').first()).toBeVisible();
      await expect(page.getByText(words.app.opening)).toHaveCount(0);
      expect(await cutOff(page), `${route} in ${tag}`).toEqual([]);
    }
    const today = page.getByRole('button', { name: words.quick.nappy, exact: true });
    await expect(today).toBeVisible();
  });
}

/** What stands out of the page, or of what holds it. */
const cutOff = (page) => page.evaluate(() => {
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    if (!element.checkVisibility() || element.closest('.visually-hidden, .skip-link, select')) continue;
    const box = element.getBoundingClientRect();
    const hasText = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    const isOver = box.right > innerWidth + 1 || box.left < -1;
    const isCut = hasText && element.clientWidth > 0 && element.scrollWidth > element.clientWidth + 1;
    if (isOver || isCut) found.push(`${element.tagName}.${element.className}: ${element.textContent.trim().slice(0, 40)}`);
  }
  return found.slice(0, 5);
});

test('without a connection a language that is not here yet gives way to English', async ({ solo }) => {
  const phone = await solo();
  await phone.goOffline();
  phone.watch.tolerate('net::ERR_FAILED');
  await phone.go('Settings');
  await phone.page.getByLabel('Language').selectOption('de');
  await expect(phone.heading('Settings')).toBeVisible();
  await expect(phone.page.locator('html')).toHaveAttribute('lang', 'en');
});

test('Settings offers each language that there is', async ({ solo }) => {
  const phone = await solo();
  await phone.go('Settings');
  const offered = await phone.page.getByLabel('Language').locator('option').evaluateAll((all) => all.map(({ value }) => value));
  expect(offered.toSorted()).toEqual(['', ...readdirSync(FILES).map((name) => name.replace('.json', ''))].toSorted());
  expect(offered.filter((tag) => !['', 'en'].includes(tag))).toEqual(LANGUAGES);
});

test('a browser that speaks another language is spoken to in it from the first page on', async ({ device }) => {
  const phone = await device({ locale: 'pt-PT' });
  await phone.page.goto('/');
  const words = wordsOf('pt-BR');
  await expect(phone.page.getByRole('button', { name: words.account.sign_in, exact: true })).toBeVisible();
  await expect(phone.page.locator('html')).toHaveAttribute('lang', 'pt-BR');
});
