// From the finger on the glass to the tick: a nappy is saved again and again on a page whose thread is
// four times slower. The tick is shown after IndexedDB has said `complete` under strict durability.
// The clock starts at the time stamp that the browser gave the pointer event, and stops when the tick
// is in the page, and again at the next frame, when it can be seen.
import { caregiver, mustBeClean, report, throttle } from './browser.js';

const TAPS = Number(process.env.TAPS ?? 120);
const SLOWER = 4;

await report(async (browser) => {
  const phone = await caregiver(browser);
  await phone.page.evaluate(() => {
    let tapped;
    globalThis.measured = [];
    addEventListener('pointerdown', ({ timeStamp }) => { tapped = timeStamp; }, { capture: true });
    const region = document.querySelector('.toasts');
    new MutationObserver((changes) => {
      const said = changes.flatMap(({ addedNodes }) => [...addedNodes]).filter(({ nodeType }) => nodeType === Node.ELEMENT_NODE);
      if (!said.some(({ textContent }) => textContent.startsWith('Saved'))) return;
      const saved = performance.now() - tapped;
      requestAnimationFrame(() => globalThis.measured.push({ saved, seen: performance.now() - tapped }));
    }).observe(region, { childList: true });
  });
  await throttle(phone.page, SLOWER);
  for (let tap = 1; tap <= TAPS; tap += 1) {
    await phone.button('Nappy').tap();
    await phone.sheet.getByRole('button', { name: 'Wee', exact: true }).tap();
    await phone.page.waitForFunction((count) => globalThis.measured.length === count, tap);
  }
  const measured = await phone.page.evaluate(() => globalThis.measured);
  await throttle(phone.page, 1);
  await phone.isSynced();
  await phone.holds('nappy_log', TAPS);
  mustBeClean(phone);
  return { slower: SLOWER, saved: measured.map(({ saved }) => saved), seen: measured.map(({ seen }) => seen) };
});
