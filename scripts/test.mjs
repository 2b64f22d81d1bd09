// `npm test`: set-up, checks, all suites, those of the acceptance tests where Temporal matters most
// once more on the production set-up, and one closing line. Arguments go to vitest, and then it is
// what they name that runs, once.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setup } from './setup.mjs';

const required = (process.env.LABKEEPER_REQUIRE ?? '').split(',').includes('all');

/** Lives and deaths of apps, of the worker, of Temporal and of its database, and the races of sleep. */
const productionSuites = [
  'lifecycle',
  'worker-killed',
  'temporal-away',
  'database-away',
  'idle-races',
].map((name) => `test/acceptance/${name}.test.ts`);

const total = { passed: 0, failed: 0, skipped: 0 };
try {
  const need = required ? 'required' : 'optional';
  await setup({ temporal: need, temporalServer: need });
  const { runChecks } = await import('./checks.mjs');
  const checks = await runChecks();
  total.passed += checks.passed;
  total.failed += checks.failed;
  const named = process.argv.slice(2);
  await runSuites(named);
  if (named.length === 0) {
    console.log('\nThe same on the production set-up: Temporal on PostgreSQL.');
    await runSuites(['--project', 'real', ...productionSuites], {
      LABKEEPER_TEST_SETUP: 'production',
    });
  }
} catch (error) {
  console.error(error.message);
  total.failed += 1;
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 ? 1 : 0;

/** Counts into the total. `environment` comes on top of ours. */
async function runSuites(args, environment = {}) {
  const { run } = await import('./checks.mjs');
  const folder = await mkdtemp(join(tmpdir(), 'labkeeper-summary-'));
  const file = join(folder, 'summary.json');
  const reporters = ['--reporter=default', '--reporter=./scripts/summary-reporter.ts'];
  const { exitCode } = await run(['vitest', 'run', ...reporters, ...args], {
    stdio: 'inherit',
    env: { ...process.env, ...environment, VITEST_SUMMARY_FILE: file },
  });
  const summary = await readFile(file, 'utf8').then(JSON.parse, () => null);
  await rm(folder, { recursive: true, force: true });
  if (summary === null) throw new Error('the suites did not run to their end');
  total.passed += summary.passed;
  total.failed += summary.failed + summary.broken.length + summary.empty.length;
  total.skipped += summary.skipped;
  for (const line of summary.missing) console.log(line);
  for (const line of summary.broken) console.log(`failed: ${line}`);
  for (const name of summary.empty) console.log(`failed: ${name} ran nothing`);
  if (summary.passed === 0 && summary.missing.length === 0) fail('no test ran');
  if (required && summary.skipped > 0) fail('tests were skipped though every part is required');
  if (exitCode !== 0 && total.failed === 0) fail(`vitest ended with ${exitCode}`);
}

function fail(sentence) {
  console.log(`failed: ${sentence}`);
  total.failed += 1;
}
