// A baby's days are the days of its home, whatever the clocks do there and wherever its people are.
import { mutation } from '../support/api.js';
import { expect, test } from '../support/test.js';

/** In Berlin the clocks went back on 25 October 2026 (a day of 25 hours) and forward on 29 March (23). */
const CHANGES = [
  {
    // Later than all of them, and late enough that none is called today or yesterday.
    now: '2026-10-28T12:00:00.000Z',
    days: {
      '2026-10-24T21:59:00.000Z': ['Saturday', 'October', 24],
      '2026-10-24T22:01:00.000Z': ['Sunday', 'October', 25],
      '2026-10-25T22:59:00.000Z': ['Sunday', 'October', 25],
      '2026-10-25T23:01:00.000Z': ['Monday', 'October', 26],
    },
  },
  {
    now: '2026-04-01T12:00:00.000Z',
    days: {
      '2026-03-28T22:59:00.000Z': ['Saturday', 'March', 28],
      '2026-03-28T23:01:00.000Z': ['Sunday', 'March', 29],
      '2026-03-29T21:59:00.000Z': ['Sunday', 'March', 29],
      '2026-03-29T22:01:00.000Z': ['Monday', 'March', 30],
    },
  },
];

/** Who reads them, with the order in which a date is written there. */
const READERS = [
  { timezoneId: 'Europe/Berlin', locale: 'en-GB', name: ([weekday, month, day]) => `${weekday} ${day} ${month}` },
  { timezoneId: 'America/New_York', locale: 'en-US', name: ([weekday, month, day]) => `${weekday}, ${month} ${day}` },
];

/** trap_19: days cut with a fixed offset are wrong when the clocks change, and after travel. */
for (const { timezoneId, locale, name } of READERS) {
  test(`trap_19 entries lie in the baby's local days when the clocks change, read in ${timezoneId}`, async ({ device }) => {
    const phone = await device({ timezoneId, locale });
    await phone.signUp('Ada');
    const api = await phone.api();
    const babyId = await api.createBaby('Juno', { zone: 'Europe/Berlin' });
    const instants = CHANGES.flatMap(({ days }) => Object.keys(days));
    await api.push(babyId, ...instants.map((startedAt) => mutation('nappy_log', 'create', { type: 'wee', startedAt, notes: startedAt })));
    await phone.page.reload();
    await expect(phone.button('Feed')).toBeVisible();
    await phone.isSynced();
    for (const { now, days } of CHANGES) {
      await phone.page.clock.setFixedTime(now);
      await phone.page.goto('/timeline');
      await phone.button('Show earlier days').click();
      for (const [startedAt, day] of Object.entries(days)) {
        await expect(phone.day(name(day)).getByText(startedAt), `${startedAt} is on ${name(day)}`).toBeVisible();
      }
    }
  });
}
