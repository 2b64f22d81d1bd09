import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { describe, expect, it } from 'vitest';
import { historyFolder } from './histories.ts';

/** Paths every version must be able to go on from; one recording each, per version. */
const scenarios = ['continue-as-new', 'crash-loop', 'register-wake-sleep-remove', 'stop-wake-race'];
const fixtures = [
  ...scenarios.flatMap((scenario) => [`v0-${scenario}.json`, `v1-${scenario}.json`]),
  'v1-started-by-others.json',
  'v1-refused-removed.json',
  'v1-deployed.json',
  'v1-deployment-overtaken.json',
  ...[
    'canceled-while-it-ran',
    'expired-in-the-queue',
    'lost-its-host',
    'new-life',
    'succeeded',
    'tried-again',
  ].map((scenario) => `v1-job-${scenario}.json`),
];

describe('recorded histories', () => {
  it('replay on the code as it is now, every one of them', async () => {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
    const files = readdirSync(historyFolder).filter((file) => file.endsWith('.json'));
    expect(files.toSorted()).toEqual(fixtures.toSorted());
    const histories = files.map((file) => ({
      workflowId: 'app/replayed',
      history: JSON.parse(readFileSync(join(historyFolder, file), 'utf8')),
      file,
    }));
    const results = Worker.runReplayHistories(
      { workflowsPath: fileURLToPath(new URL('../../src/workflows/index.ts', import.meta.url)) },
      histories,
    );
    const broken: string[] = [];
    let replayed = 0;
    for await (const result of results) {
      const file = histories[replayed]?.file;
      replayed += 1;
      if (result.error) broken.push(`${file}: ${result.error.message}`);
    }
    expect(broken).toEqual([]);
    expect(replayed).toBe(histories.length);
  }, 240_000);
});
