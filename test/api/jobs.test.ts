import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobJson, QueueJson } from '../../src/model/job-api.ts';
import { requirePart } from '../beds/require.ts';
import { addHost } from '../store/job-bed.ts';
import { problemOf } from './bed.ts';
import { openPeople, type PeopleBed } from './people-bed.ts';

const community = {
  space: 'ml101',
  command: ['python3', 'community.py'],
  limits: { cpus: 2 },
  config: { households: 12 },
  configSchema: {
    type: 'object',
    properties: {
      households: { type: 'integer', minimum: 1 },
      days: { type: 'integer', minimum: 1 },
      batteries: { type: 'array', items: { type: 'object', required: ['size'] } },
      mode: { enum: ['fast', 'exact'] },
    },
    required: ['days'],
    additionalProperties: false,
  },
};

describe.runIf(requirePart('postgres'))('jobs over HTTP', () => {
  let bed: PeopleBed;
  let user: Record<string, string>;
  let teacher: Record<string, string>;
  beforeAll(async () => {
    bed = await openPeople();
    user = await bed.person('user', { ml101: 'user' });
    teacher = await bed.person('teacher', { ml101: 'instructor' });
    const made = await bed.send('PUT', '/api/v1/job-types/community', {
      body: community,
      headers: teacher,
    });
    expect(made.status).toBe(201);
  });
  afterAll(() => bed.close());
  const post = (path: string, body: unknown, headers = teacher) =>
    bed.send('POST', path, { body, headers });

  it('takes a job of a type from whoever may use the space, with its defaults under what was sent', async () => {
    const answer = await post('/api/v1/jobs', { type: 'community', config: { days: 7 } }, user);
    expect(answer.status).toBe(201);
    const job = (await answer.json()) as JobJson;
    expect(job).toMatchObject({
      ...{ type: 'community', owner: 'user', space: 'ml101', state: 'queued' },
      spec: {
        command: ['python3', 'community.py'],
        limits: { cpus: 2 },
        config: { households: 12, days: 7 },
      },
    });
    const free = await post('/api/v1/jobs', { space: 'ml101', command: ['rm', '-rf', '/'] }, user);
    expect(free.status).toBe(403);
  });

  it('names every mistake of a config by its path, at validation and at submission alike', async () => {
    const config = { days: 0, households: 'many', batteries: [{}], mode: 'slow', colour: 1 };
    const expected = [
      { path: 'config.colour', message: 'is not a known field' },
      { path: 'config.households', message: 'must be integer' },
      { path: 'config.days', message: 'must be >= 1' },
      { path: 'config.batteries.0.size', message: 'is missing' },
      { path: 'config.mode', message: 'must be one of ["fast","exact"]' },
    ];
    const checked = await post('/api/v1/job-types/community/validate', { config }, user);
    const { valid, errors } = (await checked.json()) as { valid: boolean; errors: unknown[] };
    expect(valid).toBe(false);
    expect(errors).toHaveLength(expected.length);
    expect(errors).toEqual(expect.arrayContaining(expected));
    const refused = await problemOf(
      await post('/api/v1/jobs', { type: 'community', config }, user),
    );
    expect(refused).toMatchObject({ status: 400, errors: expect.arrayContaining(expected) });
  });

  it('refuses what the type decides, and a type that is not there or not to be seen', async () => {
    const body = { type: 'community', config: { days: 1 }, limits: { cpus: 64 }, command: ['x'] };
    expect(await problemOf(await post('/api/v1/jobs', body, user))).toMatchObject({
      status: 400,
      errors: [
        { path: 'limits', message: 'is decided by the job type community' },
        { path: 'command', message: 'is decided by the job type community' },
      ],
    });
    const stranger = await bed.person('stranger', { bio: 'admin' });
    for (const headers of [stranger, user]) {
      const type = headers === user ? 'nothing' : 'community';
      const refused = await problemOf(await post('/api/v1/jobs', { type, config: {} }, headers));
      expect(refused).toMatchObject({ status: 400, errors: [{ path: 'type' }] });
    }
  });

  it('refuses a schema that is none, with what is wrong with it', async () => {
    const refused = await bed.send('PUT', '/api/v1/job-types/broken', {
      body: { ...community, configSchema: { type: 'object', properties: { a: { type: 'odd' } } } },
      headers: teacher,
    });
    expect(await problemOf(refused)).toMatchObject({
      status: 400,
      errors: [{ path: 'configSchema', message: expect.stringContaining('schema is invalid') }],
    });
  });

  it('tells what would be run without running it', async () => {
    const answer = await post('/api/v1/jobs/validate', { space: 'ml101', command: ['true'] });
    expect(await answer.json()).toMatchObject({ spec: { runDeadlineMs: 86_400_000 } });
    const before = (await bed.store.jobs.list({ limit: 100 })).length;
    expect((await post('/api/v1/jobs/validate', { space: 'ml101' })).status).toBe(400);
    expect(await bed.store.jobs.list({ limit: 100 })).toHaveLength(before);
  });

  it('keeps a definition for the jobs that were made of it', async () => {
    const job = (await (
      await post('/api/v1/jobs', { type: 'community', config: { days: 2 } })
    ).json()) as JobJson;
    await bed.send('PUT', '/api/v1/job-types/community', {
      body: { ...community, command: ['other'] },
      headers: teacher,
    });
    expect((await bed.store.jobs.find(job.id))?.spec.command).toEqual(['python3', 'community.py']);
  });

  it('holds jobs and spaces, says by whom, and tells others of a space only that it waits', async () => {
    await addHost(bed.store, 'lab-1', { cpus: 0.5 });
    const submitted = await post('/api/v1/jobs', { space: 'ml101', command: ['true'] });
    const { id } = (await submitted.json()) as JobJson;
    const held = await post(`/api/v1/jobs/${id}/hold`, { why: 'after the exam' });
    expect(((await held.json()) as JobJson).queue?.reason).toContain(
      'it is held by teacher: after the exam',
    );
    const admin = await bed.person('admin', { ml101: 'admin', bio: 'viewer' });
    await post('/api/v1/queue/hold', { space: 'ml101', why: 'exam' }, admin);
    const viewed = await bed.send('GET', '/api/v1/queue', {
      headers: await bed.person('other', { bio: 'viewer' }),
    });
    const queue = (await viewed.json()) as QueueJson;
    expect(queue.holds).toEqual([]);
    expect(queue.waiting.length).toBeGreaterThan(0);
    expect(queue.waiting.every(({ job, reason }) => job === null && reason === null)).toBe(true);
    expect((await post('/api/v1/queue/hold', { why: 'all' }, admin)).status).toBe(403);
    await post('/api/v1/queue/release', { space: 'ml101' }, admin);
    await post(`/api/v1/jobs/${id}/release`, {});
    const shown = (await (
      await bed.send('GET', `/api/v1/jobs/${id}`, { headers: teacher })
    ).json()) as JobJson;
    expect(shown.queue?.reason).toMatch(/no host has 1 core/);
  });
});
