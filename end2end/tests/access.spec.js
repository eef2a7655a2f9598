// For everyone: every screen and every sheet, in every theme, and on a narrow phone.
import { isAccessible, themed } from '../support/axe.js';
import { refuseOne } from '../support/refusals.js';
import { expect, test } from '../support/test.js';

/** Everything there is to see: how to get there, after which the screen stands still. */
const SCREENS = {
  today: (phone) => phone.go('Today'),
  timeline: (phone) => phone.go('Timeline'),
  caregivers: (phone) => phone.go('Caregivers'),
  settings: (phone) => phone.go('Settings'),
  // A file of an earlier log, of which a part cannot be loaded.
  import: async (phone) => {
    await phone.page.goto('/import');
    const records = { baby: [{ id: 1, name: 'Mira' }], nappy_log: [{ id: 1, babyId: 9, time: 'yesterday', type: 'wee' }] };
    const buffer = Buffer.from(JSON.stringify({ format: 'baby-log-export', version: 1, source: 'tablet', records }));
    await phone.page.getByLabel('The file that').setInputFiles({ name: 'log.json', mimeType: 'application/json', buffer });
    await expect(phone.button('Load')).toBeVisible();
  },
  // With a letter that needs the person, and the steps of a sync that was asked for.
  sync: async (phone) => {
    await phone.go('Sync');
    await phone.button('Sync now').click();
    await expect(phone.page.getByRole('log')).toContainText('Juno');
    await expect(phone.letters('Dry')).toBeVisible();
  },
  letter: async (phone) => {
    await phone.go('Sync');
    await phone.letters('Dry').getByRole('button', { name: 'Edit' }).click();
    await expect(phone.sheet).toBeVisible();
  },
  unknown: async (phone) => {
    await phone.page.goto('/no/such/place');
    await expect(phone.heading('Nothing here')).toBeVisible();
  },
  bottle: async (phone) => {
    await phone.page.goto('/?log=feed');
    await phone.choose('Bottle', phone.sheet);
    await phone.choose('Mixed', phone.sheet);
    await expandAll(phone);
  },
  breast: async (phone) => {
    await phone.page.goto('/?log=feed');
    await phone.choose('Breast', phone.sheet);
    await phone.choose('Already over', phone.sheet);
    await expandAll(phone);
  },
  nappy: async (phone) => {
    await phone.page.goto('/?log=nappy');
    await expect(phone.sheet).toBeVisible();
    await expandAll(phone);
  },
  sleep: async (phone) => {
    await phone.go('Today');
    await phone.button('Add a past sleep').click();
    await phone.choose('Woke up', phone.sheet.getByRole('group', { name: 'Asleep or awake' }));
    await expandAll(phone);
  },
  edit: async (phone) => {
    await phone.go('Timeline');
    await phone.openEntry('Bottle');
    await phone.sheet.getByText('History').click();
    await expect(phone.sheet.getByText('Written down')).toBeVisible();
  },
  baby: async (phone) => {
    await phone.go('Settings');
    await phone.button('Edit Juno').click();
    await expandAll(phone);
  },
  account: async (phone) => {
    await phone.go('Settings');
    await phone.page.getByRole('link', { name: 'Devices and account' }).click();
    await expect(phone.entries('This device')).toBeVisible();
    await phone.text('Delete my account').click();
    await expect(phone.button('Delete account')).toBeVisible();
  },
  'sign-out': async (phone) => {
    await phone.go('Settings');
    await phone.button('Sign out').click();
    await expect(phone.sheet).toBeVisible();
  },
  invite: async (phone) => {
    await phone.go('Caregivers');
    await phone.button('Make a code').click();
    await expect(phone.page.getByTestId('invite-code')).toBeVisible();
  },
  'invite by link': async (phone) => {
    await phone.go('Caregivers');
    await phone.button('Make a link').click();
    await expect(phone.page.getByRole('img', { name: 'QR code' })).toBeVisible();
  },
  search: async (phone) => {
    await phone.go('Timeline');
    await phone.page.getByRole('searchbox').fill('poo');
    await phone.text('Filter').click();
    await phone.page.getByRole('group', { name: 'Kind of entry' }).getByText('Nappy').click();
    await expect(phone.text('1 found in the whole log.')).toBeVisible();
  },
  'search without a result': async (phone) => {
    await phone.page.getByRole('searchbox').fill('unicorn');
    await expect(phone.text('Nothing in the whole log matches.')).toBeVisible();
  },
  bin: async (phone) => {
    await phone.button('Clear the search').click();
    await phone.delete('Poo');
    await phone.page.getByRole('main').getByRole('link', { name: 'Recently deleted' }).click();
    await expect(phone.entries('Poo')).toContainText('Deleted by you');
  },
  // With two timers. It has no navigation, so it comes last.
  bedside: async (phone) => {
    await phone.page.goto('/bedside');
    await expect(phone.timer('Feeding, left side')).toBeVisible();
    await expect(phone.button('Feed')).toBeVisible();
  },
};

/** The same for someone who is not signed in. */
const OUTSIDE = {
  'sign in': (stranger) => stranger.page.goto('/'),
  'sign up': (stranger) => stranger.page.goto('/sign-up'),
  join: (stranger) => stranger.page.goto('/join'),
  'join by link': async (stranger) => {
    await stranger.page.goto(`/join#${'0'.repeat(52)}`);
    await expect(stranger.text('You were invited by a link.')).toBeVisible();
  },
  // With a connection this page does its work and is gone.
  reset: async (stranger) => {
    await stranger.isInstalled();
    await stranger.goOffline();
    await stranger.page.goto('/reset');
    await expect(stranger.text('There is no connection')).toBeVisible();
  },
};

async function expandAll(phone) {
  const closed = phone.sheet.locator('details:not([open]) > summary');
  for (let left = await closed.count(); left > 0; left -= 1) {
    await closed.first().click();
    await expect(closed).toHaveCount(left - 1);
  }
}

async function closeSheet(phone) {
  if (await phone.sheet.isVisible()) await phone.page.keyboard.press('Escape');
  await expect(phone.sheet).toBeHidden();
}

/** A phone that has something of everything on its screens. */
async function lived(solo, options) {
  const phone = await solo(options);
  await phone.logBottle();
  await phone.logNappy('Poo');
  await phone.isSynced();
  await refuseOne(phone.context);
  await phone.logNappy('Dry');
  await expect(phone.chip).toHaveText('1 needs you');
  await phone.context.unrouteAll({ behavior: 'wait' });
  await phone.logSleep();
  await phone.button('Start sleep').click();
  await phone.button('Feed').click();
  await phone.choose('Breast', phone.sheet);
  await phone.sheet.getByRole('button', { name: 'Start left' }).click();
  await expect(phone.timer('Feeding, left side')).toBeVisible();
  return phone;
}

for (const theme of ['light', 'dark', 'night']) {
  test(`axe finds nothing on any screen or sheet in the ${theme} theme`, async ({ solo, device }) => {
    test.slow();
    const phone = await lived(solo, { reducedMotion: 'reduce' });
    await themed(phone.context, theme);
    await phone.page.goto('/');
    await expect(phone.page.locator('html')).toHaveAttribute('data-theme', theme);
    for (const [where, show] of Object.entries(SCREENS)) {
      await show(phone);
      await isAccessible(phone.page, where);
      await closeSheet(phone);
    }
    // A dead connection has words of its own.
    await phone.goOffline();
    await phone.page.goto('/');
    await phone.logNappy('Wee');
    await isAccessible(phone.page, 'offline');

    const stranger = await device({ reducedMotion: 'reduce' });
    await themed(stranger.context, theme);
    for (const [where, show] of Object.entries(OUTSIDE)) {
      await show(stranger);
      await expect(stranger.page.getByRole('heading', { level: 1 })).toBeVisible();
      await isAccessible(stranger.page, where);
    }
  });
}

test('nothing needs sideways scrolling at a width of 320 px, and nothing hides', async ({ solo, device }) => {
  test.slow();
  const narrow = { viewport: { width: 320, height: 640 } };
  const fits = async (page, where) => {
    const widths = await page.evaluate(() => {
      const over = [...document.querySelectorAll('body *')]
        .filter((element) => element.checkVisibility() && element.getBoundingClientRect().right > innerWidth + 1 && !element.closest('.visually-hidden, .skip-link'))
        .map((element) => `${element.tagName}.${element.className}`);
      return { page: document.documentElement.scrollWidth, over: over.slice(0, 5) };
    });
    expect(widths, where).toEqual({ page: 320, over: [] });
  };
  const phone = await lived(solo, narrow);
  for (const [where, show] of Object.entries(SCREENS)) {
    await show(phone);
    await fits(phone.page, where);
    await closeSheet(phone);
  }
  const stranger = await device(narrow);
  for (const [where, show] of Object.entries(OUTSIDE)) {
    await show(stranger);
    await expect(stranger.page.getByRole('heading', { level: 1 })).toBeVisible();
    await fits(stranger.page, where);
  }
});

test('a feed can be logged with the keyboard alone, and the focus comes back', async ({ solo }) => {
  const phone = await solo();
  await phone.button('Feed').focus();
  await phone.page.keyboard.press('Enter');
  await expect(phone.sheet).toBeVisible();
  await phone.page.keyboard.press('Escape');
  await expect(phone.button('Feed')).toBeFocused();
  await phone.page.keyboard.press('Enter');
  await phone.sheet.getByRole('button', { name: /^Save/ }).focus();
  await phone.page.keyboard.press('Enter');
  await expect(phone.tile('Last feed')).toContainText('Bottle 90 ml');
});
