import { randomUUID } from 'node:crypto';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { unique, uuid } from '../bed.ts';
import type { Given } from './given.ts';

const named = { metadata: { experiment_name: 'battery', run_name: 'r1' } };

export function launching(given: Given): void {
  it('3.1 launches an inline config: one shape, a uuid, nothing waited for', async () => {
    const { world, way } = given();
    const answer = await way.post('/run-simulation', { config: { act: 'env', ...named } });
    const body = answer.json();
    expect([answer.status, body]).toEqual([
      200,
      {
        job_id: expect.stringMatching(uuid),
        container_id: '',
        status: 'launched',
        host: 'local',
        job_name: 'battery-r1',
        image_tag: 'latest',
        image: 'calof/opeva_simulator:latest',
      },
    ]);
    const id = String(body['job_id']);
    expect(await world.read(`configs/${id}.yaml`)).toContain('experiment_name: battery');
    await way.until(id, 'finished');
    expect((await way.get(`/result/${id}`)).json()).toMatchObject({ OPEVA_JOB_NAME: 'battery-r1' });
  });

  it("3.1 takes the README's own body, and passes its two params on", async () => {
    const { world, way } = given();
    await world.put('configs/config.yml', 'act: env\n');
    const answer = await way.send('/run-simulation', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"param1":"value1","param2":"value2","config_file":"config.yml"}',
    });
    expect(answer.status, answer.text).toBe(200);
    const id = String(answer.json()['job_id']);
    await way.until(id, 'finished');
    expect((await way.get(`/result/${id}`)).json()).toMatchObject({
      PARAM1: 'value1',
      PARAM2: 'value2',
      config: 'act: env\n',
    });
  });

  it('3.1 finds a config_path in each of its forms, and prefers it to an inline one', async () => {
    const { world, way } = given();
    const name = `${unique()}.yaml`;
    await world.put(`configs/${name}`, `act: pending\nexperiment: { name: e, run_name: r }\n`);
    for (const path of [
      name,
      `configs/${name}`,
      `/configs/${name}`,
      `/${name}`,
      `/data/configs/${name}`,
      join(world.root, 'configs', name),
    ]) {
      const body = { config_path: path, config: { act: 'fail' }, target_host: 'local' };
      const id = await way.launch(body);
      const info = (await way.get(`/job-info/${id}`)).json();
      expect(info, path).toMatchObject({
        ...{ config_path: `configs/${name}`, job_name: 'e-r', target_host: 'local' },
      });
    }
  });

  it('3.1 keeps an inline config under save_as, its extension as given', async () => {
    const { world, way } = given();
    const name = `${unique()}.yml`;
    const id = await way.launch({ config: { act: 'wait', on: 'yes' }, save_as: name });
    expect(await world.read(`configs/${name}`)).toBe('act: wait\n"on": "yes"\n');
    await way.launch({ config: { act: 'pending' }, save_as: name });
    expect(await world.read(`configs/${name}`)).toBe('act: pending\n');
    // Replaced, and the job that waits for its turn keeps its own.
    expect(await world.read(`jobs/${id}/config.resolved.yaml`)).toContain('act: wait');
    await world.tell(id, 'go');
  });

  it.each([
    ['neither config nor path', {}, 400, 'Missing config or config_path'],
    ['an empty config', { config: {} }, 400, 'Missing config or config_path'],
    ['an absent file', { config_path: 'no.yaml' }, 400, 'Config file not found: no.yaml'],
    ['a path upwards', { config_path: '../x.yaml' }, 400, 'Invalid config_path'],
    ['a path in the middle', { config_path: 'a/../../x.yaml' }, 400, 'Invalid config_path'],
    ['an absolute path', { config_path: '/etc/passwd' }, 400, 'Invalid config_path'],
    ['a save_as with a path', { config: { a: 1 }, save_as: 'a/b.yaml' }, 400, 'Invalid file name'],
    ['a save_as upwards', { config: { a: 1 }, save_as: '..yaml' }, 400, 'Invalid file name'],
    [
      'an unknown host',
      { config: { a: 1 }, target_host: 'moon' },
      400,
      "Unknown host 'moon'. Allowed: ['local']",
    ],
    ['a bad tag', { config: { a: 1 }, image_tag: '../x' }, 400, 'Invalid image_tag'],
    [
      'a foreign image',
      { config: { a: 1 }, image: 'evil/x:1' },
      400,
      'Image not allowed: evil/x:1',
    ],
  ])('3.1 answers %s', async (_case, body, status, detail) => {
    const answer = await given().way.post('/run-simulation', body);
    expect([answer.status, answer.json()]).toEqual([status, { detail }]);
  });

  it('3.1 answers broken YAML, one that is no mapping, and a link out of configs', async () => {
    const { world, way } = given();
    const name = unique();
    await world.put(`configs/${name}-a.yaml`, 'a: [1,\n');
    await world.put(`configs/${name}-b.yaml`, '- 1\n- 2\n');
    await writeFile(join(world.lab.folder, 'outside.yaml'), 'act: env\n');
    await symlink(
      join(world.lab.folder, 'outside.yaml'),
      join(world.root, `configs/${name}-c.yaml`),
    );
    const detailOf = async (path: string) => {
      const answer = await way.post('/run-simulation', { config_path: path });
      return [answer.status, answer.json()['detail']];
    };
    expect(await detailOf(`${name}-a.yaml`)).toEqual([400, 'Invalid config format']);
    expect(await detailOf(`${name}-b.yaml`)).toEqual([400, 'Invalid config format']);
    expect(await detailOf(`${name}-c.yaml`)).toEqual([400, 'Invalid config_path']);
  });

  it('refuses a configuration above its limit, and one whose body is too large', async () => {
    const { world, way } = given();
    const name = `${unique()}.yaml`;
    const most = 256 * 1024;
    const sized = (bytes: number) => `act: env\nnote: ${'x'.repeat(bytes - 16)}\n`;
    await world.put(`configs/${name}`, sized(most));
    await way.launch({ config_path: name });
    await world.put(`configs/${name}`, sized(most + 1));
    const file = await way.post('/run-simulation', { config_path: name });
    expect([file.status, file.json()['detail']]).toEqual([
      413,
      expect.stringContaining('LABKEEPER_OPEVA_MAX_CONFIG_BYTES'),
    ]);
    const inline = await way.post('/run-simulation', { config: { a: 'x'.repeat(most) } });
    expect(inline.status).toBe(413);
    const body = await way.post('/run-simulation', { config: { a: 'x'.repeat(5_000_000) } });
    expect(body.status).toBe(413);
  });

  it('2 never answers 500 for a bad request', async () => {
    const { way, world } = given();
    const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
    const name = unique();
    await world.put(`configs/${name}-nul.yaml`, 'a: "\0"\n');
    await world.put(`configs/${name}-bomb.yaml`, bomb());
    await world.put(`configs/${name}-bytes.yaml`, Buffer.from([0x61, 0x3a, 0xff, 0xfe]));
    const bodies = [
      `{"config": {"a": ${nested(100_000)}}}`,
      '{"config": {"a": 1}, "job_name": "\\u0000\\ud800"}',
      '{"config": {"metadata": {"experiment_name": "\\u0000", "run_name": {}}}}',
      `{"config": {"a": 1}, "save_as": "${'ü'.repeat(150)}"}`,
      '{"config": {"a": 1}, "param1": "\\u0000"}',
      `{"config_path": "${'x'.repeat(5_000)}"}`,
      '{"config_path": "\\u0000"}',
      '{"config": {"__proto__": {"a": 1}, "constructor": 1}}',
      '[]',
      '"text"',
      `{"config_path": "${name}-nul.yaml"}`,
      `{"config_path": "${name}-bomb.yaml"}`,
      `{"config_path": "${name}-bytes.yaml"}`,
      '{"config_path": "."}',
    ];
    for (const body of bodies) {
      const headers = { 'content-type': 'application/json' };
      const answer = await way.send('/run-simulation', { method: 'POST', headers, body });
      expect([200, 400, 422], `${body.slice(0, 80)}: ${answer.text}`).toContain(answer.status);
    }
  });

  it('3.1 names what has no name, whatever stands in its place', async () => {
    const { way } = given();
    const answer = await way.post('/run-simulation', { config: { act: 'env', experiment: null } });
    expect(answer.json()).toMatchObject({ job_name: 'UnnamedExperiment-UnnamedRun' });
  });

  it('3.1 ignores keys that the first generation does not know, and executor fields', async () => {
    const { way } = given();
    const config = { act: 'env', execution: { docker: true } };
    await way.launch({ config, deucalion_options: 5, whatever: [] });
  });

  it('3.1 tells a job where its dataset lies', async () => {
    const { world, way } = given();
    const resolved = async (simulator: object) => {
      const id = await way.launch({ config: { act: 'env', simulator } });
      return world.read(`jobs/${id}/config.resolved.yaml`);
    };
    const datasets = `${world.root}/datasets`;
    const path = { dataset_path: './datasets/d/schema.json' };
    expect(await resolved(path)).toContain(`dataset_path: ${datasets}/d/schema.json`);
    const bare = { dataset_path: 'datasets/d/schema.json' };
    expect(await resolved(bare)).toContain(`dataset_path: ${datasets}/d/schema.json`);
    expect(await resolved({ dataset_name: 'n' })).toContain(`${datasets}/n/schema.json`);
    expect(await resolved({ dataset_path: 'other' })).toContain('dataset_path: other');
  });

  it('12 answers one key and body with one job, also at once, and another body with 409', async () => {
    const { way } = given();
    const key = { 'idempotency-key': unique() };
    const body = { config: { act: 'env', ...named } };
    const all = await Promise.all(
      Array.from({ length: 8 }, () => way.post('/run-simulation', body, key)),
    );
    expect(all.map(({ status }) => status)).toEqual(Array(8).fill(200));
    expect(new Set(all.map((answer) => answer.json()['job_id'])).size).toBe(1);
    // The same in another order is the same.
    const reordered = { config: { metadata: named.metadata, act: 'env' } };
    const again = await way.post('/run-simulation', reordered, key);
    expect(again.json()['job_id']).toBe(all[0]?.json()['job_id']);
    const other = await way.post('/run-simulation', { config: { act: 'fail' } }, key);
    expect([other.status, typeof other.json()['detail']]).toEqual([409, 'string']);
  });

  it('12 gives the job of a key back although its config file is gone', async () => {
    const { world, way } = given();
    const [name, key] = [`${unique()}.yaml`, { 'idempotency-key': unique() }];
    await world.put(`configs/${name}`, 'act: env\n');
    const first = await way.post('/run-simulation', { config_path: name }, key);
    await world.put(`configs/${name}`, '- no mapping any more\n');
    const again = await way.post('/run-simulation', { config_path: name }, key);
    expect(again.json()).toEqual(first.json());
  });

  it('12 launches under an id of the caller: 201, then 200, and 409 for another body', async () => {
    const { world, way } = given();
    const id = `dag_${randomUUID()}`;
    const body = { config: { act: 'env' } };
    const first = await way.put(`/jobs/${id}`, body);
    expect([first.status, first.json()['job_id']]).toEqual([201, id]);
    const again = await way.put(`/jobs/${id}`, body);
    expect([again.status, again.json()]).toEqual([200, first.json()]);
    expect((await way.put(`/jobs/${id}`, { config: { act: 'fail' } })).status).toBe(409);
    await way.until(id, 'finished');
    await world.put(`jobs/taken-${id}/note`, '');
    expect((await way.put(`/jobs/taken-${id}`, body)).status).toBe(409);
  });

  it('12 makes two jobs of two requests without a key', async () => {
    const { way } = given();
    const body = { config: { act: 'env' } };
    expect(await way.launch(body)).not.toBe(await way.launch(body));
  });
}

/** Few bytes that stand for billions. */
const bomb = (): string => {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
  for (let at = 1; at < 12; at += 1) {
    const one = `*a${at - 1}`;
    lines.push(`a${at}: &a${at} [${Array(9).fill(one).join(', ')}]`);
  }
  return `${lines.join('\n')}\n`;
};
