/**
 * Which set-up a lab of the acceptance tests runs on: `embedded`, as `labkeeper up` starts it, or
 * `production`, with Temporal on PostgreSQL. `npm test` runs them on both.
 */
export const setUp: 'embedded' | 'production' =
  process.env['LABKEEPER_TEST_SETUP'] === 'production' ? 'production' : 'embedded';
