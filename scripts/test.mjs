// `npm test`: set-up, checks, all suites, and one closing line. Arguments go to vitest.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setup } from './setup.mjs';

const required = (process.env.LABKEEPER_REQUIRE ?? '').split(',').includes('all');

const total = { passed: 0, failed: 0, skipped: 0 };
try {
  await setup({ temporal: required ? 'required' : 'optional' });
  const { runChecks } = await import('./checks.mjs');
  const checks = await runChecks();
  total.passed += checks.passed;
  total.failed += checks.failed;
  await runSuites();
} catch (error) {
  console.error(error.message);
  total.failed += 1;
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 ? 1 : 0;

async function runSuites() {
  const { run } = await import('./checks.mjs');
  const folder = await mkdtemp(join(tmpdir(), 'labkeeper-summary-'));
  const file = join(folder, 'summary.json');
  const reporters = ['--reporter=default', '--reporter=./scripts/summary-reporter.ts'];
  const { exitCode } = await run(['vitest', 'run', ...reporters, ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, VITEST_SUMMARY_FILE: file },
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
  if (summary.passed === 0) fail('no test ran');
  if (required && summary.skipped > 0) fail('tests were skipped though every part is required');
  if (exitCode !== 0 && total.failed === 0) fail(`vitest ended with ${exitCode}`);
}

function fail(sentence) {
  console.log(`failed: ${sentence}`);
  total.failed += 1;
}
