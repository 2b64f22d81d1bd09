import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLab, type Lab } from '../beds/lab.ts';
import { airflowPath, requirePart } from '../beds/require.ts';

const run = promisify(execFile);
const dags = fileURLToPath(new URL('../../examples/airflow/dags', import.meta.url));
const present = requirePart('temporal') && requirePart('postgres') && requirePart('airflow');

describe.runIf(present)('a job from a real Airflow', { timeout: 300_000 }, () => {
  let lab: Lab;
  let home: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'labkeeper-airflow-'));
    lab = await startLab();
    await airflow(['db', 'migrate']);
  }, 240_000);
  afterAll(async () => {
    await lab?.close();
    await rm(home, { recursive: true, force: true });
  }, 90_000);

  async function airflow(words: string[]): Promise<string> {
    const { stdout, stderr } = await run(airflowPath(), words, {
      timeout: 240_000,
      maxBuffer: 64 * 1024 * 1024,
      env: {
        HOME: home,
        PATH: [dirname(airflowPath()), process.env['PATH'] ?? ''].join(delimiter),
        AIRFLOW_HOME: home,
        AIRFLOW__CORE__LOAD_EXAMPLES: 'False',
        AIRFLOW__CORE__DAGS_FOLDER: dags,
        AIRFLOW_CONN_LABKEEPER: JSON.stringify({ conn_type: 'http', host: lab.consoleUrl }),
        PYTHONDONTWRITEBYTECODE: '1',
        // Airflow asks nobody elsewhere.
        NO_PROXY: '*',
      },
    });
    return stdout + stderr;
  }
  const play = (date: string, script: string, config: object) =>
    airflow([
      ...['dags', 'test', 'run_job', date, '--conf'],
      JSON.stringify({ command: [process.execPath, '-e', script, '{config}', '{output}'], config }),
    ]).catch((error: { stdout: string; stderr: string }) => error.stdout + error.stderr);

  it('is submitted, waited for without holding a worker, and its result fetched; a repeated run finds it', async () => {
    const script = `const [config, output] = process.argv.slice(1); const fs = require('node:fs');
      const { x } = JSON.parse(fs.readFileSync(config, 'utf8'));
      fs.writeFileSync(output + '/result.json', JSON.stringify({ squared: x * x }));`;
    for (const _again of [1, 2]) {
      const said = await play('2026-03-01', script, { x: 12 });
      expect(said).toContain('squared');
      expect(said).toContain('144');
    }
    const { items } = await lab.client.jobs.list();
    expect(items.map(({ id, state }) => [id, state])).toEqual([
      ['run_job-20260301T000000', 'succeeded'],
    ]);
  });

  it('that fails, fails the task that waits for it', async () => {
    const said = await play('2026-03-02', 'process.exit(3)', {});
    expect(said).toContain('ended with exit code 3');
    expect(said).toMatch(/DagRun Finished.*failed|state=.?failed|mark(?:ed|ing) .*failed/i);
  });
});
