// From the tap on one phone until the entry is on the screen of another, which nobody touches: by the
// server's hint, and with hints switched off by its poll every five seconds. Both phones run on this
// machine, so their clocks are one.
import { caregiver, joined, mustBeClean, report } from './browser.js';

const SAVES = Number(process.env.SAVES ?? 30);
const INTERVAL_MS = 5000;

async function measure(browser, prepare) {
  const a = await caregiver(browser);
  const b = await joined(browser, a);
  await prepare(b);
  await a.page.evaluate(() => addEventListener('pointerdown', ({ timeStamp }) => {
    globalThis.tappedAt = performance.timeOrigin + timeStamp;
  }, { capture: true }));
  const times = [];
  for (let save = 1; save <= SAVES; save += 1) {
    // At any moment between two polls, not always at the same.
    await a.page.waitForTimeout(Math.random() * INTERVAL_MS);
    const words = `Bottle ${60 + save} ml`;
    const seen = b.page.evaluate((text) => new Promise((resolve) => {
      const look = () => {
        if (!document.querySelector('main').textContent.includes(text)) return;
        observer.disconnect();
        resolve(performance.timeOrigin + performance.now());
      };
      const observer = new MutationObserver(look);
      observer.observe(document.body, { childList: true, subtree: true, characterData: true });
    }), words);
    await a.logBottle(60 + save);
    const tapped = await a.page.evaluate(() => globalThis.tappedAt);
    times.push(await seen - tapped);
  }
  mustBeClean(a, b);
  for (const { context } of [a, b]) await context.close();
  return times;
}

await report(async (browser) => ({
  hinted: await measure(browser, () => {}),
  polled: await measure(browser, async (phone) => {
    await phone.page.evaluate(() => localStorage.setItem('hints', 'off'));
    await phone.page.reload();
    await phone.button('Feed').waitFor();
  }),
}));
