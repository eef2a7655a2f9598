// The fixtures: devices that watch themselves, and families that have met.
import { test as base, expect } from '@playwright/test';
import { Api } from './api.js';
import { Device } from './device.js';

export { expect };

export const test = base.extend({
  /** Opens a device; at the end of the test it must have had no problem. */
  device: async ({ browser, baseURL }, use) => {
    const devices = [];
    await use(async (options) => {
      const device = await Device.open(browser, baseURL, options);
      devices.push(device);
      return device;
    });
    for (const { context } of devices) await context.close();
    for (const { watch } of devices) expect(watch.problems).toEqual([]);
  },

  /** A client that is not our app. */
  api: async ({ baseURL }, use) => use(new Api(baseURL)),

  /** One caregiver with one baby, on an installed app. */
  solo: async ({ device }, use) => use(async (options) => {
    const alone = await device(options);
    await alone.signUp('Ada');
    await alone.addBaby('Juno');
    await alone.isSynced();
    await alone.isInstalled();
    return alone;
  }),

  /** Two caregivers of one baby, each with a device: Ada owns it, Ben joined by code. */
  family: async ({ device, solo }, use) => use(async (options) => {
    const a = await solo(options);
    const b = await device(options);
    await b.signUp('Ben');
    await b.join(await (await a.api()).inviteCode(await a.babyId()));
    await b.isSynced();
    await b.isInstalled();
    return { a, b };
  }),
});
