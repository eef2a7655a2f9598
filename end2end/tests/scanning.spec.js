// An invitation is read off another screen by the app's own camera: an installed app shares no session with
// the browser that the phone's camera would open.
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { isAccessible, themed } from '../support/axe.js';
import { drawnCode, film, menuCode } from '../support/camera.js';
import { expect, test as base } from '../support/test.js';

/** One browser for each worker, which has a camera: it shows a film that a test may write before it looks. */
const test = base.extend({
  reel: [async ({}, use, { workerIndex }) => use(join(tmpdir(), `cradlelog-camera-${process.pid}-${workerIndex}.y4m`)), { scope: 'worker' }],
  browser: [async ({ playwright, reel, launchOptions }, use) => {
    await film(reel, null);
    const browser = await playwright.chromium.launch({
      ...launchOptions,
      args: [...launchOptions.args, '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', `--use-file-for-fake-video-capture=${reel}`],
    });
    await use(browser);
    await browser.close();
  }, { scope: 'worker' }],
});

const picture = (device) => device.page.getByRole('dialog').locator('video');

/** Whether a camera that this page opened is still on. */
const watchCamera = (context) => context.addInitScript(() => {
  globalThis.cameras = [];
  const open = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
  if (open) {
    navigator.mediaDevices.getUserMedia = async (...args) => {
      const stream = await open(...args);
      cameras.push(...stream.getTracks());
      return stream;
    };
  }
});
const cameras = (device) => device.page.evaluate(() => globalThis.cameras.map(({ readyState }) => readyState));

test('an invitation is scanned inside the app, and brings in who scans it', async ({ solo, device, reel }) => {
  const a = await solo();
  await a.logBottle(120);
  await a.isSynced();
  await a.go('Caregivers');
  await a.button('Make a link').click();
  const code = await drawnCode(a.page.getByRole('img', { name: 'The link as a QR code' }));

  const b = await device();
  await watchCamera(b.context);
  const fetched = [];
  b.context.on('request', (request) => {
    if (request.url().includes('/pkg/scan')) fetched.push(request.url());
  });
  await b.signUp('Ben');
  await b.isInstalled();
  await b.page.goto('/join');
  expect(fetched, 'only who scans fetches what it takes').toEqual([]);
  await film(reel, code);
  await b.button('Scan a code').click();
  await expect(b.heading('Ada invites you to the log of Juno')).toBeVisible();
  expect(fetched.length).toBe(3);
  await expect(b.sheet).toHaveCount(0);
  await expect.poll(() => cameras(b)).toEqual(['ended']);
  await b.button('Join').click();
  await expect(b.tile('Last feed')).toContainText('Bottle 120 ml');
  // Who holds the code sees that it has done its work, without asking.
  await expect(a.toast('Ben has joined')).toBeVisible();
  await expect(a.entries('Ben')).toContainText('Can log');
  await expect(a.page.getByRole('img', { name: 'The link as a QR code' })).toHaveCount(0);
  await expect(a.button('Take back')).toHaveCount(0);
});

test('the camera is off as soon as its picture is closed or out of sight', async ({ device, reel }) => {
  await film(reel, null);
  const b = await device();
  await watchCamera(b.context);
  await b.page.goto('/join');
  const scan = async () => {
    await b.button('Scan a code').click();
    await expect(picture(b)).toHaveJSProperty('paused', false);
  };
  await scan();
  await b.page.keyboard.press('Escape');
  await expect.poll(() => cameras(b)).toEqual(['ended']);
  await scan();
  await b.setVisible(false);
  await expect.poll(() => cameras(b)).toEqual(['ended', 'ended']);
  await expect(b.sheet).toHaveCount(0);
  await b.setVisible(true);
  await scan();
  await b.page.goBack();
  await expect(b.sheet).toHaveCount(0);
});

test('another code, a camera that is not there or not allowed, and no connection are said in words', async ({ device, reel }) => {
  const says = async (phone, words) => {
    await phone.button('Scan a code').click();
    await expect(phone.sheet.getByRole('status')).toContainText(words);
    await phone.page.keyboard.press('Escape');
    await expect(phone.sheet).toHaveCount(0);
  };
  const b = await device();
  await b.page.goto('/join');
  await film(reel, null);
  await says(b, 'Point the camera at the QR code of the invitation.');
  await film(reel, menuCode());
  await says(b, 'This code is no invitation to a log.');
  for (const [name, words] of [['NotAllowedError', 'The camera is not allowed here.'], ['NotFoundError', 'There is no camera that can be used here.']]) {
    await b.page.evaluate((kind) => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', kind));
    }, name);
    await says(b, words);
  }
  // Who has never scanned has nothing to scan with.
  const c = await device();
  c.watch.tolerate('ERR_INTERNET_DISCONNECTED');
  await c.page.goto('/join');
  await c.isInstalled();
  await c.goOffline();
  await c.page.reload();
  await says(c, 'Scanning needs a connection.');
});

for (const theme of ['light', 'dark', 'night']) {
  test(`axe finds nothing while scanning in the ${theme} theme, and it fits 320 px`, async ({ device, reel }) => {
    await film(reel, null);
    const b = await device({ reducedMotion: 'reduce', viewport: { width: 320, height: 640 } });
    await themed(b.context, theme);
    await b.page.goto('/join');
    await b.button('Scan a code').click();
    await expect(picture(b)).toHaveJSProperty('paused', false);
    await isAccessible(b.page, 'scanning');
    expect(await b.page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
  });
}
