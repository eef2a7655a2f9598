// What axe has to say about a screen, in a theme.
import { AxeBuilder } from '@axe-core/playwright';
import { expect } from '@playwright/test';

const WCAG = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

export async function isAccessible(page, where) {
  // What moves is looked at when it has arrived: half-way through a fade no contrast is right.
  await page.evaluate(() => Promise.all(document.getAnimations()
    .filter((animation) => animation.effect.getComputedTiming().iterations !== Infinity)
    .map((animation) => animation.finished)));
  const { violations } = await new AxeBuilder({ page }).withTags(WCAG).analyze();
  const found = violations.map(({ id, nodes }) => `${where}: ${id}: ${nodes.map(({ html }) => html).join('\n  ')}`);
  expect(found).toEqual([]);
}

/** Every page of a device in one theme, from its first paint on. */
export const themed = (context, theme) => context.addInitScript((name) => {
  // Frames of the test tools have no address, and so no storage.
  if (location.protocol.startsWith('http')) localStorage.setItem('theme', name);
}, theme);
