// A cold start without a connection: a new page of an installed app, from the start of the navigation
// until the last feed is shown and the button for the next one is there.
import { caregiver, mustBeClean, report, throttle } from './browser.js';

const STARTS = Number(process.env.STARTS ?? 20);
const RATES = [1, 4];

await report(async (browser) => {
  const phone = await caregiver(browser);
  await phone.logBottle(90);
  await phone.isSynced();
  await phone.goOffline();
  await phone.page.close();
  await phone.context.addInitScript(() => {
    const look = () => {
      const ready = document.querySelector('.quick-button[data-kind="feed"]') && document.querySelector('main')?.textContent.includes('Bottle 90 ml');
      if (!ready) return;
      observer.disconnect();
      requestAnimationFrame(() => { globalThis.usableAt = performance.now(); });
    };
    const observer = new MutationObserver(look);
    observer.observe(document, { childList: true, subtree: true, characterData: true });
  });
  const starts = {};
  for (const rate of RATES) {
    starts[rate] = [];
    for (let start = 0; start < STARTS; start += 1) {
      const page = await phone.context.newPage();
      await throttle(page, rate);
      await page.goto('/');
      starts[rate].push(await (await page.waitForFunction(() => globalThis.usableAt)).jsonValue());
      await page.close();
    }
  }
  mustBeClean(phone);
  return { starts };
});
