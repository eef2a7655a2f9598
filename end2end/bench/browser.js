// What the scripts of this directory share. They are started by `cargo xtask bench`, which serves the
// release app for them; each prints one line of JSON, times in milliseconds, bytes as sent.
import { chromium } from '@playwright/test';
import { Device } from '../support/device.js';

const { BASE_URL, CHROMIUM } = process.env;
if (!BASE_URL || !CHROMIUM) throw new Error('run this by `cargo xtask bench`');

export const baseURL = BASE_URL;

/** Runs `measure(browser)` in a browser of its own and prints what it found. */
export async function report(measure) {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  try {
    const found = await measure(browser);
    console.log(JSON.stringify({ browser: `Chromium ${browser.version()}`, ...found }));
  } finally {
    await browser.close();
  }
}

/** A caregiver with a baby, on an installed app that has sent everything. */
export async function caregiver(browser) {
  const device = await Device.open(browser, baseURL);
  await device.signUp('Ada');
  await device.addBaby('Juno');
  await device.isSynced();
  await device.isInstalled();
  return device;
}

/** A second one, who joined by code. */
export async function joined(browser, owner) {
  const device = await Device.open(browser, baseURL);
  await device.signUp('Ben');
  await device.join(await (await owner.api()).inviteCode(await owner.babyId()));
  await device.isSynced();
  await device.isInstalled();
  return device;
}

/** A figure of a run with errors would be a figure of something else. */
export function mustBeClean(...devices) {
  const problems = devices.flatMap(({ watch }) => watch.problems);
  if (problems.length > 0) throw new Error(problems.join('\n'));
}

/** Slows the page's own thread down, as a cheap phone would be. */
export async function throttle(page, rate) {
  const session = await page.context().newCDPSession(page);
  await session.send('Emulation.setCPUThrottlingRate', { rate });
}
