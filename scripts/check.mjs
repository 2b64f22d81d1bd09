// `npm run check`: everything that needs no server, before each commit.
import { run, runChecks } from './checks.mjs';

const began = performance.now();
const [{ failed }, tests] = await Promise.all([
  runChecks(),
  run(['vitest', 'run', '--project', 'offline', '--reporter=dot']),
]);
const ok = failed === 0 && tests.exitCode === 0;
if (tests.exitCode === 0) console.log('✓ tests without servers');
else console.log(`✗ tests without servers\n${tests.output}`);
const seconds = ((performance.now() - began) / 1000).toFixed(1);
console.log(ok ? `All checks pass (${seconds} s).` : `Some checks fail (${seconds} s).`);
process.exitCode = ok ? 0 : 1;
