// What is pressed lies on the side of the hand that holds the phone, on every screen.
import { expect, test } from '../support/test.js';

/** Of two elements, which is further to the side of `hand`. */
async function isOnSide(hand, one, other) {
  const middle = async (element) => {
    const { x, width } = await element.boundingBox();
    return x + width / 2;
  };
  // A timer is drawn anew when the server has seen it.
  await expect(async () => {
    const further = await middle(one) - await middle(other);
    expect(hand === 'Left' ? -further : further).toBeGreaterThan(0);
  }).toPass({ timeout: 5_000 });
}

for (const hand of ['Right', 'Left']) {
  test(`with the ${hand.toLowerCase()} hand, what is done is on that side of each screen`, async ({ solo }) => {
    const phone = await solo();
    await phone.go('Settings');
    await phone.choose(hand);
    await phone.go('Today');
    await isOnSide(hand, phone.button('Feed'), phone.button('Start sleep'));
    await isOnSide(hand, phone.button('Add a past sleep'), phone.page.getByRole('link', { name: 'Bedside' }));

    // A sheet, a toast, a timer.
    await phone.logBottle(90);
    await isOnSide(hand, phone.toast('Saved').getByRole('button', { name: 'Undo' }), phone.toast('Saved').locator('.toast-text'));
    await phone.button('Feed').click();
    await phone.choose('Breast', phone.sheet);
    await phone.sheet.getByRole('button', { name: 'Start left' }).click();
    const timer = phone.timer('Feeding, left side');
    await isOnSide(hand, timer.getByRole('button', { name: 'Pause' }), timer.getByRole('button', { name: 'Switch to right' }));
    await phone.page.getByRole('link', { name: 'Bedside' }).click();
    await isOnSide(hand, phone.page.getByRole('link', { name: 'Leave' }), phone.page.locator('.bedside-time'));
    await isOnSide(hand, phone.button('Feed'), phone.button('Start sleep'));
    await phone.page.getByRole('link', { name: 'Leave' }).click();

    // The timeline and the bin.
    await phone.go('Timeline');
    const entry = phone.entries('Bottle 90 ml');
    await isOnSide(hand, entry.getByRole('button', { name: /^Delete/ }), entry.locator('.entry-what'));
    await phone.openEntry('Bottle 90 ml');
    await isOnSide(hand, phone.sheet.getByRole('button', { name: 'Save' }), phone.sheet.getByRole('button', { name: 'Delete' }));
    await phone.sheet.getByRole('button', { name: 'Delete' }).click();
    await phone.page.getByRole('link', { name: 'Recently deleted' }).click();
    await isOnSide(hand, entry.getByRole('button', { name: /^Restore/ }), entry.locator('.entry-what'));
    // On a narrow phone it lies below the words, and on the same side.
    await phone.page.setViewportSize({ width: 320, height: 640 });
    await isOnSide(hand, entry.getByRole('button', { name: /^Restore/ }), phone.page.getByRole('main'));
  });
}
