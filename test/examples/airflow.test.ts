import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { airflowPath, requirePart } from '../beds/require.ts';
import { newId, startQulabsWorld, type QulabsWorld, type Way } from '../compat/qulabs/bed.ts';

const run = promisify(execFile);
const dags = fileURLToPath(new URL('../../examples/airflow/dags', import.meta.url));
const present =
  requirePart('temporal') &&
  requirePart('postgres') &&
  requirePart('docker') &&
  requirePart('docker-client') &&
  requirePart('airflow');

describe.runIf(present)('a real Airflow', { timeout: 300_000 }, () => {
  let world: QulabsWorld;
  let home: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'labkeeper-airflow-'));
    world = await startQulabsWorld();
    await airflow(world.own, ['db', 'migrate']);
  }, 240_000);
  afterAll(async () => {
    await world?.close();
    await rm(home, { recursive: true, force: true });
  }, 90_000);

  async function airflow(way: Way, words: string[]): Promise<string> {
    const { stdout, stderr } = await run(airflowPath(), words, {
      timeout: 240_000,
      maxBuffer: 64 * 1024 * 1024,
      env: {
        HOME: home,
        PATH: [dirname(airflowPath()), process.env['PATH'] ?? ''].join(delimiter),
        DOCKER_HOST: `unix://${world.engine.socketPath}`,
        DOCKER_BUILDKIT: '0',
        AIRFLOW_HOME: home,
        AIRFLOW__CORE__LOAD_EXAMPLES: 'False',
        AIRFLOW__CORE__DAGS_FOLDER: dags,
        AIRFLOW_CONN_QULABS: JSON.stringify({ conn_type: 'http', host: way.base }),
        PYTHONDONTWRITEBYTECODE: '1',
        // Airflow asks nobody elsewhere.
        NO_PROXY: '*',
      },
    });
    return stdout + stderr;
  }

  it('registers a lab after its image was built, by either way in', async () => {
    const base = await world.image('lab/airflow-base:latest');
    for (const way of [world.own, world.onConsole]) {
      const lab_id = newId();
      const image = `lab/airflow-${lab_id}:latest`;
      const conf = JSON.stringify({ lab_id, image, port: '8506', base });
      const said = await airflow(way, ['dags', 'test', 'register_lab', '--conf', conf]);
      expect(said).toContain(`App ${lab_id} registered and started successfully.`);
      expect((await way.ask(`/status/${lab_id}`)).json()['running_status']).toBe('running');
      expect((await way.ask(`/${lab_id}/x`)).json()).toMatchObject({ path: `/${lab_id}/x` });
      const { app, record } = await world.appOf(lab_id);
      expect([app.spec.image, record]).toEqual([image, { docker_image: image, port: 8506 }]);
    }
  });

  it('is told when the registration fails, and fails its task', async () => {
    const base = await world.image('lab/airflow-broken:latest', ['CMD []']);
    const lab_id = newId();
    const conf = JSON.stringify({ lab_id, image: `lab/broken-${lab_id}:latest`, port: 1, base });
    const said = await airflow(world.own, ['dags', 'test', 'register_lab', '--conf', conf]).catch(
      (error: { stdout: string; stderr: string }) => error.stdout + error.stderr,
    );
    expect(said).not.toContain('registered and started successfully');
    expect(said).toContain(`App ${lab_id} failed to start`);
  });
});
