import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { eventually } from '../../../beds/eventually.ts';
import { patienceMs } from '../bed.ts';
import type { Given } from './given.ts';

export function sharedData(given: Given): void {
  it('8 keeps job folder, snapshot, status.json and job_track.json in step', async () => {
    const { world, way } = given();
    const id = await way.launch({ config: { act: 'env' } });
    const folder = `jobs/${id}`;
    for (const name of ['.', 'logs', 'progress', 'results']) {
      const { mode } = await stat(join(world.root, folder, name));
      expect(mode & 0o777, name).toBe(0o777);
    }
    expect(await world.read(`${folder}/config.resolved.yaml`)).toBe('act: env\n');
    expect(await world.readJson(`${folder}/job_info.json`)).toMatchObject({ job_id: id });
    await way.until(id, 'finished');
    await eventually(
      async () => {
        expect(await world.readJson(`${folder}/status.json`)).toMatchObject({
          ...{ job_id: id, status: 'finished', exit_code: 0 },
          status_updated_at: expect.any(Number),
        });
        expect((await world.readJson('job_track.json'))[id]).toMatchObject({ status: 'finished' });
      },
      { deadlineMs: patienceMs },
    );
  });

  it('8 shows the job in labkeeper like any other', async () => {
    const { world, way } = given();
    const id = await way.launch({ config: { act: 'env' }, job_name: 'for the page' });
    await way.until(id, 'finished');
    const job = await world.lab.client.jobs.show(id);
    expect(job).toMatchObject({ id, title: 'for the page', owner: 'opeva', state: 'succeeded' });
    expect(job.result).toMatchObject({ value: { base: world.root } });
  });
}
