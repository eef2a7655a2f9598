// `cargo xtask test e2e` starts the server and says where it and the browser are.
import { defineConfig } from '@playwright/test';

const { BASE_URL, CHROMIUM } = process.env;
if (!BASE_URL || !CHROMIUM) throw new Error('run these tests by `cargo xtask test e2e`');

export default defineConfig({
  testDir: 'tests',
  outputDir: 'test-results',
  // Each test makes its own family, so tests may run side by side; two cores carry two browsers.
  fullyParallel: true,
  workers: 2,
  // A test that passes only at its second try hides a race: there is no second try.
  retries: 0,
  forbidOnly: true,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  use: {
    baseURL: BASE_URL,
    // A press that finds nothing to press fails by itself, long before the test does.
    actionTimeout: 10_000,
    viewport: { width: 390, height: 844 },
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: CHROMIUM,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-dev-shm-usage',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
});
