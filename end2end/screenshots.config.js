// `cargo xtask screenshots`: not a test, but pictures are taken as a person would see the app.
import tests from './playwright.config.js';

export default { ...tests, testDir: 'screenshots', workers: 1, fullyParallel: false };
