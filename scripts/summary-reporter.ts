import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';
import type { UserConsoleLog } from 'vitest';

/** What scripts/test.mjs reads when the run is over. */
export interface Summary {
  files: FileSummary[];
  /** `part missing: docker (remedy)`, each once. */
  missing: string[];
  /** Errors outside of tests. */
  broken: string[];
}

export interface FileSummary {
  name: string;
  passed: number;
  failed: number;
  skipped: number;
  /**
   * Why the file counts as failed although no test of it does: it could not be loaded, or ran nothing though no
   * part was missing and so proves nothing. Null otherwise.
   */
  trouble: string | null;
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
      files: modules.map((module) => summaryOf(module, this.missing.size > 0)),
      missing: [...this.missing],
      broken: errors.map(({ message }) => firstLine(message)),
    };
    writeFileSync(file, JSON.stringify(summary));
  }
}

function summaryOf(module: TestModule, someMissing: boolean): FileSummary {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const test of module.children.allTests()) {
    const { state } = test.result();
    if (state === 'passed') counts.passed += 1;
    else if (state === 'failed') counts.failed += 1;
    else counts.skipped += 1;
  }
  const [error] = module.errors();
  const ranNothing = counts.passed + counts.failed === 0 && !someMissing;
  const trouble =
    error === undefined ? (ranNothing ? 'ran nothing' : null) : firstLine(error.message);
  return { name: module.relativeModuleId, ...counts, trouble };
}

const firstLine = (message: string) => message.split('\n', 1)[0] ?? '';
