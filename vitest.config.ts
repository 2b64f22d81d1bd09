import { defineConfig } from 'vitest/config';

/** Tests that need no server and no build: part of `npm run check`, so fast. */
const offline = [
  'test/model/**/*.test.{ts,tsx}',
  'test/tooling/**/*.test.ts',
  'test/client/**/*.test.ts',
  'test/api/**/*.offline.test.{ts,tsx}',
  'test/gateway/**/*.offline.test.ts',
  'test/cli/**/*.offline.test.ts',
  'test/{metrics,pages,store,beds}/**/*.offline.test.ts',
  'test/workflows/{replay,bundle}.test.ts',
];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'offline',
          include: offline,
          testTimeout: 20_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'real',
          include: ['test/**/*.test.{ts,tsx}'],
          exclude: offline,
          globalSetup: ['test/beds/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
