import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../beds/eventually.ts';
import { requirePart } from '../../beds/require.ts';
import { patienceMs, startOpevaWorld, type Json, type OpevaWorld } from './bed.ts';

/** Ids that a backend before labkeeper gave. */
const old = { first: randomUUID(), ended: randomUUID(), lost: randomUUID() };
const track = JSON.stringify({
  // The first generation kept the id of the container, the last one a record.
  [old.first]: '0123456789ab',
  [old.ended]: { status: 'failed', exit_code: 2, error: 'stale_status', job_name: 'night run' },
  [old.lost]: { status: 'running', container_id: 'abc' },
  '../evil': { status: 'finished' },
});

async function oldBackend(root: string): Promise<void> {
  await writeFile(join(root, 'job_track.json'), track);
  await mkdir(join(root, `jobs/${old.ended}/logs`), { recursive: true });
  await writeFile(join(root, `jobs/${old.ended}/logs/${old.ended}.log`), 'old log\n');
  const info = { job_id: old.ended, mlflow_run_id: 'r', job_name: 'night run' };
  await writeFile(join(root, `jobs/${old.ended}/job_info.json`), JSON.stringify(info));
  await mkdir(join(root, `results/${old.first}`), { recursive: true });
  await writeFile(join(root, `results/${old.first}/result.json`), '{"kpi": 1}');
}

describe.runIf(requirePart('temporal') && requirePart('postgres'))(
  'OPEVA clients of the last generation, on the folder of an old backend',
  { timeout: 60_000 },
  () => {
    let world: OpevaWorld;
    beforeAll(async () => {
      world = await startOpevaWorld({ LABKEEPER_OPEVA_HOSTS: '["local", "lab-2"]' }, oldBackend);
    }, 180_000);
    afterAll(() => world?.close(), 90_000);

    it('8 takes job_track.json over once, in both of its forms', async () => {
      const { own } = world;
      await eventually(
        async () =>
          expect((await own.get(`/status/${old.ended}`)).json()).toEqual({
            ...{ job_id: old.ended, status: 'failed', state: 'failed', terminal: true },
            ...{ exit_code: 2, error: 'stale_status' },
          }),
        { deadlineMs: patienceMs },
      );
      expect((await own.get(`/status/${old.first}`)).json()).toMatchObject({
        ...{ status: 'unknown', terminal: true },
      });
      expect((await own.get(`/status/${old.lost}`)).json()).toMatchObject({ state: 'unknown' });
      expect((await own.get(`/logs/${old.ended}`)).text).toBe('old log\n');
      expect((await own.get(`/result/${old.first}`)).json()).toMatchObject({ kpi: 1 });
      expect((await own.get(`/job-info/${old.ended}`)).json()).toMatchObject({
        ...{ mlflow_run_id: 'r', job_name: 'night run', status: 'failed' },
      });
      const rows = (await own.get('/jobs')).json() as unknown as Json[];
      expect(rows.slice(0, 3).map((row) => row['job_id'])).toEqual([
        ...[old.first, old.ended, old.lost],
      ]);
      expect((await own.put(`/jobs/${old.lost}`, { config: { act: 'env' } })).status).toBe(409);
      expect((await own.post(`/stop/${old.lost}`)).json()).toEqual({
        message: 'Job is unknown; nothing to stop',
      });
    });

    it('8 goes on with job_track.json as a mirror, and keeps what was there', async () => {
      const { own } = world;
      const id = await own.launch({ config: { act: 'env' } });
      await own.until(id, 'finished');
      await eventually(
        async () => {
          const now = await world.readJson('job_track.json');
          expect(Object.keys(now)).toEqual(expect.arrayContaining([old.first, old.ended, id]));
        },
        { deadlineMs: patienceMs },
      );
      expect(await world.read('job_track.before-labkeeper.json')).toBe(track);
      await world.lab.api.kill9();
      await world.lab.api.start();
      await eventually(
        async () => {
          const rows = (await own.get('/jobs')).json() as unknown as Json[];
          expect(rows.filter((row) => row['job_id'] === id)).toHaveLength(1);
        },
        { deadlineMs: patienceMs },
      );
    });

    it('1 launches with the words of the workers', async () => {
      const { own } = world;
      const body = { config: { act: 'env', metadata: { run_name: 'r' } }, submitted_by: 'ada' };
      const answer = await own.post('/run-simulation', body);
      expect(answer.json()).toMatchObject({ status: 'queued', host: null });
      const id = String(answer.json()['job_id']);
      const status = await own.until(id, 'finished');
      expect(status).toMatchObject({
        ...{ status: 'finished', terminal: true, exit_code: 0, worker_id: 'local' },
        ...{ status_updated_at: expect.any(Number), last_status_at: expect.any(Number) },
      });
      expect((await own.post(`/stop/${id}`)).json()).toEqual({
        message: 'Job already finished (finished)',
      });
    });

    it('1 refuses keys that it does not know, and 3.1 fields of an executor', async () => {
      const { own } = world;
      const extra = await own.post('/run-simulation', { config: { act: 'env' }, whatever: 1 });
      expect([extra.status, extra.json()]).toEqual([
        422,
        {
          detail: [
            {
              type: 'extra_forbidden',
              loc: ['body', 'whatever'],
              msg: 'Extra inputs are not permitted',
              input: 1,
            },
          ],
        },
      ]);
      const config = { act: 'env', execution: { host: 'x', docker: {} } };
      const executor = await own.post('/run-simulation', { config });
      expect([executor.status, executor.json()['detail']]).toEqual([
        400,
        expect.stringContaining(
          "Config contains executor-specific fields under 'execution' (docker, host)",
        ),
      ]);
      const options = { deucalion_options: {}, config: { act: 'env' } };
      expect((await own.post('/run-simulation', options)).status).toBe(400);
      const host = await own.post('/run-simulation', { config: { a: 1 }, target_host: 'moon' });
      expect(host.json()).toEqual({ detail: "Unknown host 'moon'. Allowed: ['local', 'lab-2']" });
    });

    it('3.4 says what became of a stop, and cancels at once what waits', async () => {
      const { own } = world;
      const config = { act: 'wait' };
      // No such host ever came: it waits.
      const waits = await own.launch({ config, target_host: 'lab-2' });
      expect((await own.get(`/status/${waits}`)).json()).toMatchObject({
        ...{ status: 'queued', preferred_host: 'lab-2' },
      });
      expect((await own.post(`/stop/${waits}`)).json()).toEqual({
        message: 'Job canceled from queue',
      });
      expect((await own.get(`/status/${waits}`)).json()).toMatchObject({ status: 'canceled' });
      const runs = await own.launch({ config });
      await own.until(runs, 'running');
      expect((await own.post(`/stop/${runs}`)).json()).toEqual({
        message: 'Stop requested; worker should terminate the job',
      });
      expect(await own.until(runs, 'stopped')).toMatchObject({ stop_requested: true });
    });

    it('3.2 adds what it reads beside a result, and wraps what is no object', async () => {
      const { own } = world;
      const id = 'sample_job';
      await world.put(`jobs/${id}/results/result.json`, '{"status": "completed", "kpis": {}}');
      const read = async () => (await own.get(`/result/${id}`)).json();
      expect(await read()).toEqual({
        ...{ status: 'completed', kpis: {}, kpi_source: 'result.kpis' },
        ...{ simulation_data_available: false, simulation_data_session_default: null },
        simulation_data_dir: null,
      });
      await world.put(`jobs/${id}/results/simulation_data/s1/a.csv`, 'timestamp\n');
      expect(await read()).toMatchObject({
        ...{ simulation_data_available: true, simulation_data_session_default: 's1' },
      });
      await world.put(`jobs/${id}/results/result.json`, '[1, NaN]');
      expect(await read()).toMatchObject({ result: [1, null], kpi_source: 'unknown' });
    });
  },
);
