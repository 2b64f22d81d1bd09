import { randomUUID } from 'node:crypto';
import { mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { eventually } from '../../../beds/eventually.ts';
import { patienceMs, unique } from '../bed.ts';
import type { Given } from './given.ts';

const soon = { deadlineMs: patienceMs, intervalMs: 50 };

export function reading(given: Given): void {
  it('3.2 and 9 follow a run: NaN as null, half-written files, the result as it was written', async () => {
    const { world, way } = given();
    const id = await way.launch({ config: { act: 'run' } });
    await eventually(async () => {
      const { text } = await way.get(`/progress/${id}`);
      expect(text).toBe(
        '{"episode": 0, "step": 3, "status": "initializing", "progress_pct": 12.5, "rewards": [1.0, null, null]}',
      );
    }, soon);
    expect(await way.until(id, 'running')).toEqual({
      ...{ job_id: id, status: 'running', state: 'running', terminal: false },
    });
    expect((await way.get(`/result/${id}`)).json()).toEqual({ status: 'pending' });
    expect((await way.get(`/logs/${id}`)).text).toBe('episode 0\n');
    await world.tell(id, 'go');
    await eventually(
      async () => expect(await world.read(`jobs/${id}/progress/progress.json`)).toMatch(/1$/),
      soon,
    );
    // Half written: the last good copy stands for it.
    expect((await way.get(`/progress/${id}`)).json()).toMatchObject({ step: 3 });
    expect((await way.get(`/result/${id}`)).json()).toEqual({ status: 'pending' });
    await world.tell(id, 'on');
    expect(await way.until(id, 'finished')).toEqual({
      ...{ job_id: id, status: 'exited', state: 'finished', terminal: true, exit_code: 0 },
    });
    const result = await way.get(`/result/${id}`);
    expect(result.text).toBe(
      '{"District": {"cost_total": 0.50, "bill": null, "seed": 12345678901234567890}}',
    );
    expect(result.headers.get('content-type')).toContain('application/json');
    expect((await way.get(`/progress/${id}`)).json()).toEqual({
      ...{ status: 'completed', progress_pct: 100 },
    });
    const log = (await way.get(`/logs/${id}`)).text;
    expect(log.startsWith('episode 0\ndone\n')).toBe(true);
    // What it printed is added at the end, as other writers of that file did.
    expect(log).toContain('started UnnamedExperiment-UnnamedRun\n');
  });

  it('3.2 answers what is absent: pending, no updates yet, logs not yet there', async () => {
    const { way, world } = given();
    const id = await way.launch({ config: { act: 'wait' } });
    expect((await way.get(`/result/${id}`)).json()).toEqual({
      ...{ status: 'pending', message: 'Result not ready yet.' },
    });
    expect((await way.get(`/progress/${id}`)).json()).toEqual({ progress: 'No updates yet.' });
    const log = await way.get(`/logs/${id}`);
    expect(log.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(log.text).toMatch(
      /^(?:Logs not available yet\. Job is still initializing or running\.|waits)\n$/,
    );
    await world.tell(id, 'go');
    await way.until(id, 'finished');
    expect((await way.get(`/result/${id}`)).json()).toEqual({
      ...{ status: 'finished', message: 'No result was produced.' },
    });
  });

  it('3.2 answers 404 for ids that nobody knows', async () => {
    const { way } = given();
    const id = randomUUID();
    for (const path of ['status', 'result', 'progress', 'logs']) {
      const answer = await way.get(`/${path}/${id}`);
      expect([path, answer.status, answer.json()]).toEqual([
        path,
        404,
        { detail: 'Job not found' },
      ]);
    }
    const info = await way.get(`/job-info/${id}`);
    expect([info.status, info.json()]).toEqual([404, { detail: 'Job info not found' }]);
    const stopped = await way.post(`/stop/${id}`);
    expect([stopped.status, stopped.json()]).toEqual([404, { detail: 'Job not found' }]);
  });

  it('1 tells a failure from a success: exit code, error, and the words of the container', async () => {
    const { way } = given();
    const id = await way.launch({ config: { act: 'fail' } });
    expect(await way.until(id, 'failed')).toEqual({
      ...{ job_id: id, status: 'exited', state: 'failed', terminal: true, exit_code: 3 },
      error: 'ended with exit code 3',
    });
    expect((await way.get(`/logs/${id}`)).text).toBe('Traceback: no such building\n');
    expect((await way.get(`/result/${id}`)).json()).toMatchObject({ status: 'failed' });
    expect((await way.get(`/job-info/${id}`)).json()).toMatchObject({ exit_code: 3 });
  });

  it('3.2 does not wait for ever for a result that only says pending', async () => {
    const { way } = given();
    const id = await way.launch({ config: { act: 'pending' } });
    await way.until(id, 'finished');
    expect((await way.get(`/result/${id}`)).json()).toEqual({
      ...{ status: 'finished', message: 'No result was produced.' },
    });
  });

  it('9 calls a result broken once it stays so', async () => {
    const { way } = given();
    const id = await way.launch({ config: { act: 'broken' } });
    await way.until(id, 'finished');
    await eventually(async () => {
      const answer = await way.get(`/result/${id}`);
      expect([answer.status, answer.json()]).toEqual([
        409,
        { detail: 'result.json is not valid JSON' },
      ]);
    }, soon);
  });

  it('answers 409 for a result above its limit', async () => {
    const { world, way } = given();
    const id = `large_${unique()}`;
    const most = 10 * 1024 * 1024;
    const sized = (bytes: number) => JSON.stringify('x'.repeat(bytes - 2));
    await world.put(`jobs/${id}/results/result.json`, sized(most));
    expect((await way.get(`/result/${id}`)).text).toHaveLength(most);
    await world.put(`jobs/${id}/results/result.json`, sized(most + 1));
    const answer = await way.get(`/result/${id}`);
    expect([answer.status, answer.json()['detail']]).toEqual([
      409,
      expect.stringContaining('LABKEEPER_OPEVA_MAX_RESULT_BYTES'),
    ]);
  });

  it('9 streams a log of 64 MB, with what is cut between two pieces', async () => {
    const { world, way } = given();
    const id = `long_${unique()}`;
    const line = `${'é'.repeat(500)}\n`;
    await world.put(`jobs/${id}/logs/${id}.log`, line.repeat(64_000));
    const { text } = await way.get(`/logs/${id}`);
    expect(text.length).toBe(64_000 * 501);
    expect(text).not.toContain('\u{fffd}');
  });

  it('9 sends bytes that are no UTF-8 as U+FFFD', async () => {
    const { way } = given();
    const id = await way.launch({ config: { act: 'bytes' } });
    await way.until(id, 'finished');
    expect((await way.get(`/logs/${id}`)).text).toBe('ok\u{fffd}\u{fffd}\n');
  });

  it('9 finds the log that a container wrote under the id of its run', async () => {
    const { world, way } = given();
    const id = await way.launch({ config: { act: 'early' } });
    await eventually(
      async () => expect((await way.get(`/logs/${id}`)).text).toBe('from the run\n'),
      soon,
    );
    // What the container writes into job_info.json stays, whatever we write there.
    await world.tell(id, 'go');
    await way.until(id, 'finished');
    expect((await way.get(`/job-info/${id}`)).json()).toMatchObject({
      ...{ job_id: id, mlflow_run_id: 'run-7', exit_code: 0 },
    });
    await eventually(
      async () =>
        expect(await world.readJson(`jobs/${id}/job_info.json`)).toMatchObject({
          ...{ mlflow_run_id: 'run-7', exit_code: 0 },
        }),
      soon,
    );
  });

  it('9 chooses among logs: the newest that is not empty, else one that is there', async () => {
    const { world, way } = given();
    const id = `sample_${unique()}`;
    await world.put(`jobs/${id}/logs/${id}.log`, '');
    const text = async () => (await way.get(`/logs/${id}`)).text;
    expect(await text()).toBe('');
    await world.put(`jobs/${id}/logs/old.log`, 'old\n');
    await world.put(`jobs/${id}/logs/new.log`, 'new\n');
    await utimes(join(world.root, `jobs/${id}/logs/old.log`), 1_000, 1_000);
    expect(await text()).toBe('new\n');
    await world.put(`jobs/${id}/job_info.json`, '{"run_id": "old"}');
    expect(await text()).toBe('old\n');
    await world.put(`jobs/${id}/logs/${id}.log`, 'own\n');
    expect(await text()).toBe('own\n');
  });

  it('9 never follows a link out of the shared folder', async () => {
    const { world, way } = given();
    const id = `planted_${unique()}`;
    const outside = join(world.lab.folder, `outside-${id}`);
    await mkdir(outside);
    for (const name of ['progress.json', 'result.json', `${id}.log`]) {
      await writeFile(join(outside, name), '{"secret": 1}');
    }
    await mkdir(join(world.root, `jobs/${id}/logs`), { recursive: true });
    for (const name of ['progress', 'results']) {
      await symlink(outside, join(world.root, `jobs/${id}/${name}`));
    }
    await symlink(join(outside, `${id}.log`), join(world.root, `jobs/${id}/logs/${id}.log`));
    const answers = await Promise.all(
      ['progress', 'result', 'logs'].map((path) => way.get(`/${path}/${id}`)),
    );
    for (const { text } of answers) expect(text).not.toContain('secret');
  });

  it('8 falls back to the flat places of the first code', async () => {
    const { world, way } = given();
    const id = `flat_${unique()}`;
    await mkdir(join(world.root, 'jobs', id), { recursive: true });
    await world.put(`logs/${id}.log`, 'flat log\n');
    await world.put(`results/${id}/result.json`, '{"kpi": 1}');
    await world.put(`progress/${id}/progress.json`, '{"step": 4}');
    expect((await way.get(`/logs/${id}`)).text).toBe('flat log\n');
    expect((await way.get(`/result/${id}`)).json()).toEqual({ kpi: 1 });
    expect((await way.get(`/progress/${id}`)).json()).toEqual({ step: 4 });
  });

  it('1 calls a job lost that is only a folder', async () => {
    const { world, way } = given();
    const id = `lost_${unique()}`;
    await world.put(`jobs/${id}/note`, '');
    expect((await way.get(`/status/${id}`)).json()).toEqual({
      ...{ job_id: id, status: 'not_found', state: 'not_found', terminal: true },
    });
  });

  it('3.2 lists jobs as a bare array in the order of their launch', async () => {
    const { way } = given();
    const body = { config: { act: 'env' } };
    const ids = [await way.launch(body), await way.launch(body), await way.launch(body)];
    for (const id of ids) await way.until(id, 'finished');
    const list = await way.get('/jobs');
    const rows = list.json() as unknown as Record<string, unknown>[];
    expect(Array.isArray(rows)).toBe(true);
    expect(rows.map((row) => row['job_id']).filter((id) => ids.includes(String(id)))).toEqual(ids);
    expect(rows.find((row) => row['job_id'] === ids[0])).toMatchObject({
      ...{ status: 'exited', state: 'finished', terminal: true, exit_code: 0 },
      job_info: { job_id: ids[0], job_name: 'UnnamedExperiment-UnnamedRun' },
    });
    expect(Number(list.headers.get('x-total-count'))).toBeGreaterThanOrEqual(3);
    const part = await way.get('/jobs?limit=2&status=exited');
    const two = part.json() as unknown as Record<string, unknown>[];
    expect(two).toHaveLength(2);
    const cursor = part.headers.get('x-next-cursor');
    const older = (await way.get(`/jobs?limit=1&cursor=${cursor}`)).json() as unknown as unknown[];
    expect(older).toHaveLength(1);
    expect(two).not.toContainEqual(older[0]);
  });

  it('8 tells what labkeeper knows in job-info, with the time of the launch in ISO', async () => {
    const { way } = given();
    const id = await way.launch({ config: { act: 'env' }, submitted_by: 'ada', job_name: 'mine' });
    expect((await way.get(`/job-info/${id}`)).json()).toMatchObject({
      ...{ job_id: id, job_name: 'mine', submitted_by: 'ada', target_host: '' },
      ...{ config_path: `configs/${id}.yaml`, image: 'calof/opeva_simulator:latest' },
      ...{ experiment_name: 'UnnamedExperiment', run_name: 'UnnamedRun' },
      started_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    });
  });
}
