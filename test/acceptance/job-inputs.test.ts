import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobSpecInput } from '../../src/model/job-spec.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';

const MiB = 1024 * 1024;
const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
/** Answers the digest of each of its inputs. */
const reader: JobSpecInput = {
  command: [
    process.execPath,
    '-e',
    `const fs = require('node:fs'); const { createHash } = require('node:crypto');
     const found = fs.readdirSync('{inputs}').map((name) =>
       [name, createHash('sha256').update(fs.readFileSync('{inputs}/' + name)).digest('hex')]);
     fs.writeFileSync('{output}/result.json', JSON.stringify(Object.fromEntries(found)));`,
  ],
  limits: { cpus: 0.2, memoryBytes: 128 * MiB },
};

describe.runIf(requirePart('temporal') && requirePart('postgres'))('inputs of jobs', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab({ LABKEEPER_MAX_UPLOAD_BYTES: String(8 * MiB) });
  }, 120_000);
  afterAll(async () => {
    await lab?.close();
  }, 60_000);

  const send = (name: string, body: Uint8Array<ArrayBuffer> | string) =>
    fetch(`${lab.consoleUrl}/api/v1/uploads?${new URLSearchParams({ name })}`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/octet-stream' },
    });
  async function sent(name: string, body: Uint8Array<ArrayBuffer> | string): Promise<string> {
    const answer = await send(name, body);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([201, 'application/json']);
    return ((await answer.json()) as { id: string }).id;
  }

  it('are sent before, of any kind and larger than other bodies, and found by each job that names them', async () => {
    const large = new Uint8Array(5 * MiB).map((_, at) => (at * 7919) % 251);
    const csv = 'hour,temperature\n0,3\n';
    const [one, two] = [await sent('weather.csv', csv), await sent('model.bin', large)];
    const inputs = [{ upload: one }, { upload: two, name: 'weights of today.bin' }];
    for (let run = 0; run < 2; run += 1) {
      const { id } = await lab.client.jobs.submit({ ...reader, inputs });
      const job = await lab.client.jobs.wait(id, { timeoutMs: 60_000 });
      expect(job, job.explanation).toMatchObject({
        state: 'succeeded',
        result: {
          value: {
            'weather.csv': digest(Buffer.from(csv)),
            'weights of today.bin': digest(large),
          },
        },
      });
    }
  });

  it('are refused when they are too large, not there, or two of one name', async () => {
    const large = await send('large', new Uint8Array(8 * MiB + 1));
    expect([large.status, await large.text()]).toEqual([
      413,
      expect.stringContaining(String(8 * MiB)),
    ]);
    for (const name of ['../x', 'a/b', '.', '', 'x\0']) {
      expect([name, (await send(name, 'x')).status]).toEqual([name, 400]);
    }
    const one = await sent('one', '');
    const missing = '00000000-0000-4000-8000-000000000000';
    await expect(
      lab.client.jobs.submit({ ...reader, inputs: [{ upload: one }, { upload: missing }] }),
    ).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('inputs.1.upload: there is no upload'),
    });
    const other = await sent('other', '');
    const same = [{ upload: one }, { upload: other, name: 'one' }];
    await expect(lab.client.jobs.submit({ ...reader, inputs: same })).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('another input has its name'),
    });
  });
});
