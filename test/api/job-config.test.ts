import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requirePart } from '../beds/require.ts';
import { openApi, problemOf, type ApiBed } from './bed.ts';

const limits = { cpus: 0.1 };

describe.runIf(requirePart('postgres'))('the configuration of a job', () => {
  let api: ApiBed;
  beforeAll(async () => {
    api = await openApi({ settings: { maxConfigBytes: 10_000, maxBodyBytes: 1024 * 1024 } });
  });
  afterAll(() => api.close());

  const pathOf = (name: string) => join(api.deps.sharedFolder.root, 'configs', name);
  function file(name: string, text: string): void {
    mkdirSync(dirname(pathOf(name)), { recursive: true });
    writeFileSync(pathOf(name), text);
  }
  const submit = (body: Record<string, unknown>, id?: string) =>
    id === undefined
      ? api.send('POST', '/api/v1/jobs', { body: { command: ['true'], limits, ...body } })
      : api.send('PUT', `/api/v1/jobs/${id}`, { body: { command: ['true'], limits, ...body } });
  const configOf = async (answer: Response) => {
    expect([answer.status, answer.statusText]).toEqual([201, answer.statusText]);
    return ((await answer.json()) as { spec: { config: unknown } }).spec.config;
  };

  it('is read by its path, as YAML or JSON, when the job is submitted', async () => {
    file('district/base.yaml', 'seed: 3\nbatteries: [1, 2]\n');
    file('plain.json', '{"seed": 4}');
    const answer = await submit({ configPath: 'district/base.yaml' }, 'by-path');
    expect(await configOf(answer)).toEqual({ seed: 3, batteries: [1, 2] });
    expect(await configOf(await submit({ configPath: 'plain.json' }))).toEqual({ seed: 4 });
  });

  it('stays as it was: a later change of the file is no change of the job, and no other job', async () => {
    file('changing.yaml', 'seed: 1\n');
    await submit({ configPath: 'changing.yaml' }, 'snapshot');
    file('changing.yaml', 'seed: 2\n');
    const again = await submit({ configPath: 'changing.yaml' }, 'snapshot');
    expect([again.status, ((await again.json()) as { spec: object }).spec]).toMatchObject([
      200,
      { config: { seed: 1 }, configPath: 'changing.yaml' },
    ]);
  });

  it.each([
    ['none.yaml', /there is no file configs\/none\.yaml/],
    ['../secret.yaml', /must be a path below/],
    ['/etc/passwd', /must be a path below/],
    ['a/../../b.yaml', /must be a path below/],
    ['', /must be a path below|Too small/],
    ['stolen.yaml', /lies outside/],
    ['list.yaml', /no YAML or JSON object/],
    ['broken.yaml', /no YAML or JSON object/],
    ['large.yaml', /larger than 9\.8 KiB \(LABKEEPER_MAX_CONFIG_BYTES\)/],
  ])('is refused by its path %j, which is named', async (configPath, words) => {
    file('list.yaml', '- 1\n');
    file('broken.yaml', '{"a": ');
    file('large.yaml', `text: ${'x'.repeat(10_001)}\n`);
    writeFileSync(join(api.deps.sharedFolder.root, 'secret.yaml'), 'secret: 1\n');
    try {
      symlinkSync('../secret.yaml', pathOf('stolen.yaml'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const problem = await problemOf(await submit({ configPath }));
    expect(problem.status).toBe(400);
    expect(problem.errors?.map(({ path }) => path)).toEqual(['configPath']);
    expect(problem.errors?.[0]?.message).toMatch(words);
  });

  it('of more than it may be is refused: by its field, and as a body by its size', async () => {
    const text = (bytes: number) => ({ config: { text: 'x'.repeat(bytes) } });
    const large = await problemOf(await submit(text(10_001)));
    expect([large.status, large.errors?.[0]?.path]).toEqual([400, 'config']);
    const body = await problemOf(await submit(text(5_000_000)));
    expect(body).toMatchObject({
      status: 413,
      detail: expect.stringContaining('LABKEEPER_MAX_API_BODY_BYTES'),
    });
  });

  it('is given once, inline or by path', async () => {
    const problem = await problemOf(await submit({ config: {}, configPath: 'plain.json' }));
    expect(problem.errors).toEqual([
      { path: 'configPath', message: 'give config or configPath, not both' },
    ]);
  });

  it('is kept under a name, never over another one, and used by that name', async () => {
    const config = { seed: 7, text: 'yes' };
    for (const saveConfigAs of ['kept.yaml', 'kept.json']) {
      expect(await configOf(await submit({ config, saveConfigAs }))).toEqual(config);
      expect(await configOf(await submit({ configPath: saveConfigAs }))).toEqual(config);
      // The same once more is no harm.
      expect((await submit({ config, saveConfigAs })).status).toBe(201);
      const before = readFileSync(pathOf(saveConfigAs), 'utf8');
      const other = await problemOf(await submit({ config: { seed: 8 }, saveConfigAs }));
      expect([other.status, other.detail]).toEqual([409, expect.stringContaining(saveConfigAs)]);
      expect(readFileSync(pathOf(saveConfigAs), 'utf8')).toBe(before);
    }
    for (const saveConfigAs of ['../x.yaml', 'a/b.yaml', 'x.sh', '.yaml']) {
      const problem = await problemOf(await submit({ config, saveConfigAs }));
      expect(problem.errors?.map(({ path }) => path)).toEqual(['saveConfigAs']);
    }
  });
});
