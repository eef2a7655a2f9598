// One device of one person: a browser context with its own database, cookies and service worker, and
// the verbs of a person who holds it. Everything is found by its role and its words.
import { expect } from '@playwright/test';
import { Api, PASSWORD, newEmail } from './api.js';
import { stored } from './idb.js';
import { Watch } from './watch.js';

/** A phone, held upright. */
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, locale: 'en-GB', timezoneId: 'Europe/Berlin' };

/** Longer than the poll's 5 s with its jitter and a round trip, on a machine that does much else. */
export const ONE_INTERVAL = { timeout: 9_000 };

export class Device {
  /** `hints: false` for a device that was told not to listen for the server's hints: it only polls. */
  static async open(browser, baseURL, { hints = true, ...options } = {}) {
    const context = await browser.newContext({ ...PHONE, baseURL, ...options });
    if (!hints) {
      await context.addInitScript(() => {
        // A page without an address has no storage.
        if (location.protocol !== 'about:') localStorage.setItem('hints', 'off');
      });
    }
    const watch = new Watch(context, new URL(baseURL).origin);
    await watch.arm(context);
    return new Device(context, await context.newPage(), watch, baseURL);
  }

  constructor(context, page, watch, baseURL) {
    Object.assign(this, { context, page, watch, baseURL });
  }

  /** Another tab of this device, with the same verbs. */
  async newTab(path = '/') {
    const tab = new Device(this.context, await this.context.newPage(), this.watch, this.baseURL);
    await tab.page.goto(path);
    return tab;
  }

  // ---- The device itself

  async goOffline() {
    this.watch.tolerate('ERR_INTERNET_DISCONNECTED');
    await this.context.setOffline(true);
  }

  async goOnline() {
    await this.context.setOffline(false);
  }

  /** Until the service worker is in charge, a device cannot start without a connection. */
  async isInstalled() {
    await this.page.evaluate(async () => {
      await navigator.serviceWorker.ready;
      if (navigator.serviceWorker.controller) return;
      await new Promise((resolve) => navigator.serviceWorker.addEventListener('controllerchange', resolve, { once: true }));
    });
  }

  /** As when the person looks at another tab, or locks the phone. */
  async setVisible(visible) {
    await this.page.evaluate((state) => {
      Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => state });
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => state === 'hidden' });
      document.dispatchEvent(new Event('visibilitychange'));
    }, visible ? 'visible' : 'hidden');
  }

  /** Until no request to our API is under way any more. */
  async networkIsQuiet() {
    await expect.poll(() => this.watch.underWay).toBe(0);
  }

  /** Until the app has done all that it had begun: it holds a lock for as long as it syncs. */
  async isAtRest() {
    const locks = () => this.page.evaluate(async () => {
      const { held, pending } = await navigator.locks.query();
      return held.length + pending.length;
    });
    await expect.poll(locks, { intervals: [10] }).toBe(0);
    await this.networkIsQuiet();
  }

  /** Until the device's own copy has this many entries of a type. */
  async holds(store, count) {
    await expect.poll(async () => (await stored(this.page))[store].length, { timeout: 20_000 }).toBe(count);
  }

  /** The person's own rights at the API. */
  api() {
    return Api.ofDevice(this.baseURL, this.context);
  }

  // ---- Accounts and babies

  async signUp(displayName, email = newEmail()) {
    await this.page.goto('/sign-up');
    await this.fillSignUp(displayName, email);
    await expect(this.page.getByRole('heading', { name: 'Add your baby' })).toBeVisible();
  }

  async fillSignUp(displayName, email = newEmail()) {
    await this.page.getByLabel('Your name').fill(displayName);
    await this.page.getByLabel('Email').fill(email);
    await this.page.getByLabel('Password').fill(PASSWORD);
    await this.page.getByRole('button', { name: 'Create account' }).click();
    this.email = email;
  }

  async fillSignIn(email, password = PASSWORD) {
    await this.page.getByLabel('Email').fill(email);
    await this.page.getByLabel('Password').fill(password);
    await this.page.getByRole('button', { name: 'Sign in', exact: true }).click();
  }

  async signIn(email) {
    await this.page.goto('/');
    await this.fillSignIn(email);
    this.email = email;
  }

  async addBaby(name) {
    await this.page.getByLabel("Baby's name").fill(name);
    await this.page.getByRole('button', { name: 'Add baby' }).click();
    await expect(this.button('Feed')).toBeVisible();
  }

  /** Types a code, or pastes a link; the answer is an offer, or a refusal in words. */
  async enterCode(code) {
    await this.page.goto('/join');
    await this.page.getByLabel('Code', { exact: true }).fill(code);
    await this.button('Continue').click();
  }

  async join(code) {
    await this.enterCode(code);
    await this.button('Join').click();
    await expect(this.button('Feed')).toBeVisible();
  }

  /** The baby on screen, as the server knows it. */
  async babyId(name) {
    const { babies } = await (await this.api()).me();
    return babies.find((baby) => name === undefined || baby.name === name).babyId;
  }

  // ---- Where to look

  button(name) {
    return this.page.getByRole('button', { name, exact: true });
  }

  heading(name) {
    return this.page.getByRole('heading', { name });
  }

  text(text) {
    return this.page.getByText(text);
  }

  /** How the sync is, in words, at the top of every screen. */
  get chip() {
    return this.page.getByRole('banner').getByRole('link');
  }

  /** Until everything is sent: nothing waits in the store, and the screen says so. */
  async isSynced() {
    await expect.poll(async () => (await stored(this.page)).outbox, { timeout: 15_000 }).toEqual([]);
    await expect(this.chip).toHaveText('All saved', { timeout: 15_000 });
  }

  /** To a screen as a person goes there: without loading the page again. */
  async go(screen) {
    if (screen === 'Sync') await this.chip.click();
    else await this.page.getByRole('navigation').getByRole('link', { name: screen }).click();
    await expect(this.page.getByRole('heading', { name: screen, level: 1 })).toBeAttached();
  }

  /** Entries of the timeline that say `words`. */
  entries(words) {
    return this.page.getByRole('main').getByRole('listitem').filter({ hasText: words });
  }

  /** One day of the timeline, by its heading. */
  day(words) {
    return this.page.getByRole('region', { name: words });
  }

  /** What Today says was last: 'Feed', 'Sleep' and so on. */
  tile(label) {
    return this.page.getByRole('article').filter({ has: this.page.getByRole('heading', { name: label, exact: true }) });
  }

  /** A running timer by its title. */
  timer(title) {
    return this.tile(title).filter({ has: this.page.getByRole('timer') });
  }

  /** What the Sync page keeps for the person to decide on. */
  letters(words) {
    return this.entries(words).filter({ has: this.button('Discard') });
  }

  get sheet() {
    return this.page.getByRole('dialog');
  }

  /** The newest toast that says `words`, with these capitals. */
  toast(words) {
    return this.page.getByRole('status').locator('.toast').filter({ hasText: new RegExp(words) }).last();
  }

  /** Chooses one of a few, by its words. */
  async choose(words, where = this.page) {
    await where.getByText(words, { exact: true }).click();
    await expect(where.getByRole('radio', { name: words, exact: true })).toBeChecked();
  }

  // ---- Logging

  /** The usual bottle: two taps. */
  async logBottle(amount) {
    await this.button('Feed').click();
    if (amount !== undefined) await this.sheet.getByLabel('Amount in').fill(String(amount));
    await this.sheet.getByRole('button', { name: /^Save/ }).click();
    await expect(this.sheet).toBeHidden();
    await expect(this.toast('Saved')).toBeVisible();
  }

  async logNappy(type = 'Wee') {
    await this.button('Nappy').click();
    await this.sheet.getByRole('button', { name: type, exact: true }).click();
    await expect(this.sheet).toBeHidden();
    await expect(this.toast('Saved')).toBeVisible();
  }

  /** A sleep that is over. */
  async logSleep() {
    await this.button('Add a past sleep').click();
    await this.choose('Woke up', this.sheet.getByRole('group', { name: 'Asleep or awake' }));
    await this.sheet.getByRole('button', { name: 'Save sleep' }).click();
    await expect(this.sheet).toBeHidden();
    await expect(this.toast('Saved')).toBeVisible();
  }

  /** Opens an entry of the timeline, changes what `change` does in the sheet, and saves. */
  async edit(words, change) {
    await this.go('Timeline');
    await this.openEntry(words);
    await change(this.sheet);
    await this.sheet.getByRole('button', { name: 'Save', exact: true }).click();
    await expect(this.sheet).toBeHidden();
  }

  async openEntry(words) {
    await this.entries(words).getByRole('button', { name: /^Edit/ }).click();
    await expect(this.sheet).toBeVisible();
  }

  async setNotes(words, notes) {
    await this.edit(words, (sheet) => sheet.getByLabel('Notes').fill(notes));
  }

  async delete(words) {
    await this.go('Timeline');
    await this.openEntry(words);
    await this.sheet.getByRole('button', { name: 'Delete' }).click();
    await expect(this.sheet).toBeHidden();
  }
}
