import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';
import type { UserConsoleLog } from 'vitest';

/** What scripts/test.mjs reads when the run is over. */
export interface Summary {
  passed: number;
  failed: number;
  skipped: number;
  /** `part missing: docker (remedy)`, each once. */
  missing: string[];
  /** Suites that ran nothing though no part was missing: they prove nothing. */
  empty: string[];
  /** Suites that could not be loaded, and errors outside of tests. */
  broken: string[];
}

/** Counts a run into the file that VITEST_SUMMARY_FILE names. */
export default class SummaryReporter implements Reporter {
  private readonly missing = new Set<string>();

  onUserConsoleLog(log: UserConsoleLog): void {
    for (const line of log.content.split('\n')) {
      if (line.startsWith('part missing: ')) this.missing.add(line);
    }
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly { message: string }[]): void {
    const file = process.env['VITEST_SUMMARY_FILE'];
    if (file === undefined) return;
    const summary: Summary = {
      ...{ passed: 0, failed: 0, skipped: 0, empty: [] },
      missing: [...this.missing],
      broken: errors.map(({ message }) => message.split('\n', 1)[0] ?? ''),
    };
    for (const module of modules) count(module, summary, this.missing.size > 0);
    writeFileSync(file, JSON.stringify(summary));
  }
}

function count(module: TestModule, summary: Summary, someMissing: boolean): void {
  let ran = 0;
  for (const test of module.children.allTests()) {
    const { state } = test.result();
    if (state === 'passed') summary.passed += 1;
    else if (state === 'failed') summary.failed += 1;
    else summary.skipped += 1;
    if (state === 'passed' || state === 'failed') ran += 1;
  }
  const name = module.relativeModuleId;
  const [error] = module.errors();
  if (error !== undefined) summary.broken.push(`${name}: ${error.message.split('\n', 1)[0] ?? ''}`);
  else if (ran === 0 && !someMissing) summary.empty.push(name);
}
