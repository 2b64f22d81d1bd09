import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { newToken } from '../../src/api/auth/secrets.ts';
import { verbs } from '../../src/cli/verbs.ts';
import {
  appPlanSchema,
  appSchema,
  hostSchema,
  operationSchema,
  problemSchema,
  timelineEventSchema,
} from '../../src/model/api.ts';
import * as people from '../../src/model/people-api.ts';
import * as job from '../../src/model/job-api.ts';
import { registrySchema, secretSchema } from '../../src/model/secret-api.ts';
import { volumeSchema } from '../../src/model/volume-api.ts';
import { eventually } from '../beds/eventually.ts';
import { requirePart } from '../beds/require.ts';
import { runSql } from '../store/sql.ts';
import { openCommandLine, type CommandLineBed } from './bed.ts';

const member = z.strictObject({
  space: z.string(),
  person: z.string(),
  role: z.string().nullable(),
});
const applied = z.array(
  z.strictObject({ name: z.string(), outcome: z.string(), operation: operationSchema.nullable() }),
);
const explained = z.strictObject({ name: z.string(), status: z.string(), explanation: z.string() });

/** Command lines in an order in which each finds what it needs, and what docs/cli.md says of their JSON. */
const lines: readonly (readonly [string, z.ZodType])[] = [
  ['apply FILE --check', z.strictObject({ file: z.string(), mistakes: z.tuple([]) })],
  ['apply FILE', applied],
  ['apply FILE --diff', z.array(appPlanSchema)],
  ['list', z.array(appSchema)],
  ['list hosts', z.array(hostSchema)],
  ['list volumes', z.array(volumeSchema)],
  ['submit --id night-1 -- run', job.submittedJobSchema],
  ['list jobs --mine', z.array(job.jobSchema)],
  ['show job/night', job.jobSchema],
  [
    'explain job/night',
    z.strictObject({
      ...{ id: z.string(), state: z.string(), cause: z.null(), explanation: z.string() },
      ...{ exit: z.null(), lastLogLines: z.array(z.string()) },
    }),
  ],
  ['logs job/night', z.looseObject({ name: z.string(), text: z.string() })],
  ['events job/night', z.array(timelineEventSchema)],
  ['open job/night', z.strictObject({ name: z.string(), url: z.url() })],
  ['cancel job/night', job.jobSchema],
  ['stop job/night', job.jobSchema],
  ['rm job/night', job.jobSchema],
  ['show plot', appSchema],
  ['show host/local', hostSchema],
  ['show volume/data', volumeSchema],
  ['explain plot', explained.extend({ exit: z.null(), lastLogLines: z.array(z.string()) })],
  ['explain volume/data', explained],
  ['explain app.idle', z.looseObject({ field: z.string(), fields: z.array(z.looseObject({})) })],
  ['logs plot', z.looseObject({ name: z.string(), generation: z.int(), text: z.string() })],
  ['events plot', z.array(timelineEventSchema)],
  ['open plot', z.strictObject({ name: z.string(), url: z.url() })],
  ['share plot', people.newAppLinkAnswerSchema],
  ['share plot --list', z.array(people.appLinkSchema)],
  [
    'get volume/data -o ARCHIVE',
    z.strictObject({ name: z.string(), file: z.string(), sizeBytes: z.int() }),
  ],
  ['start plot', operationSchema],
  ['stop plot board', z.array(operationSchema)],
  ['restart plot', operationSchema],
  ['keep-awake board', operationSchema],
  ['secrets set hf-token', secretSchema],
  ['secrets registry set ghcr.example --username lab', registrySchema],
  [
    'secrets',
    z.strictObject({ secrets: z.array(secretSchema), registries: z.array(registrySchema) }),
  ],
  [
    'secrets rotate-key',
    z.strictObject({ file: z.string(), keyId: z.string(), resealed: z.int() }),
  ],
  ['secrets registry rm ghcr.example', registrySchema],
  ['secrets rm hf-token', secretSchema],
  ['spaces create bio', people.spaceSchema],
  ['spaces', z.array(people.spaceSchema)],
  ['spaces show bio', people.spaceSchema],
  ['spaces quota bio --awake 3', people.spaceSchema],
  ['people add ada', people.personSchema],
  ['people', z.array(people.personSchema)],
  ['people show ada', people.personSchema],
  ['people role ada bio admin', member],
  ['people login-link ada', people.loginLinkSchema],
  ['people disable ada', people.personSchema],
  ['people enable ada', people.personSchema],
  ['people demote ada', people.personSchema],
  ['spaces add bio ada user', member],
  ['spaces members bio', z.array(people.memberSchema)],
  ['spaces remove bio ada', member],
  ['spaces rm bio', z.strictObject({ name: z.string() })],
  ['tokens create x', people.newTokenAnswerSchema],
  ['tokens', z.array(people.tokenSchema)],
  ['tokens revoke TOKEN', people.tokenSchema],
  ['completion bash', z.strictObject({ shell: z.string(), script: z.string() })],
  ['completion candidates -- li', z.array(z.strictObject({ value: z.string(), help: z.string() }))],
  [
    'login --no-browser',
    z.strictObject({ server: z.url(), person: z.string(), expiresAt: z.string() }),
  ],
  ['logout', z.strictObject({ loggedOut: z.literal(true) })],
  ['rm plot', operationSchema],
];

describe.runIf(requirePart('postgres'))('--json', () => {
  let bed: CommandLineBed;
  let folder: string;
  const words: Record<string, string> = {};
  beforeAll(async () => {
    const { id, digest, text } = newToken();
    bed = await openCommandLine({
      settings: { authentication: 'required' },
      token: { token: text },
      volumeReader: {
        archive: async () => new Response('tar').body ?? expect.fail('an empty archive'),
      },
      logReader: {
        read: async () => ({ fromByte: 0, nextByte: 3, bytes: Buffer.from('log'), complete: true }),
        usage: async () => ({ memoryBytes: 1, memoryLimitBytes: 2, cpus: 0, pids: 1 }),
      },
    });
    const { store } = bed.api;
    const by = { actor: 'test' };
    await store.people.put('root', { operator: true }, by);
    await store.tokens.add({ id, digest, person: 'root', label: 'bed', lastsMs: 600_000 }, by);
    await store.hosts.heartbeat({
      ...{ name: 'local', agentUrl: 'http://127.0.0.1:1', runtimes: [], cpus: 1, memoryBytes: 1 },
      storage: { state: 'ok', freeBytes: 1, totalBytes: 1 },
    });
    folder = await mkdtemp(join(tmpdir(), 'labkeeper-json-'));
    words['FILE'] = join(folder, 'labkeeper.yaml');
    words['ARCHIVE'] = join(folder, 'data.tar');
    await writeFile(
      words['FILE'],
      'apps:\n  - { name: plot, command: [serve], volumes: [{ volume: data }] }\n  - { name: board, command: [serve] }\n',
    );
  });
  afterAll(async () => {
    await bed.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** What a line finds: what runs, a login that is confirmed. */
  async function prepare(line: string): Promise<Promise<unknown> | undefined> {
    const { store, databaseUrl } = bed.api;
    bed.secret.value = `secret of ${line}`;
    if (line === 'list') {
      await store.volumes.settle(['data'], 'local', 'plot');
      for (const name of ['plot', 'board']) {
        const life = (await store.apps.beginLife(name))?.mark.life ?? 0;
        const condition = {
          wanted: 'awake',
          phase: 'ready',
          generation: 1,
          host: 'local',
        } as const;
        await store.apps.advance(name, { life, revision: 1 }, { condition });
      }
    }
    if (line === 'tokens revoke TOKEN') {
      const made = (await store.tokens.list({ person: 'root', limit: 10 })).find(
        ({ label }) => label === 'x',
      );
      words['TOKEN'] = made?.id ?? '';
    }
    if (!line.startsWith('login')) return undefined;
    return eventually(async () => {
      const [row] = await runSql(databaseUrl, 'SELECT user_code FROM device_logins');
      const code = String(row?.['user_code'] ?? expect.fail('no login waits'));
      await store.deviceLogins.confirm(code, 'root');
    });
  }

  it('of every verb has the shape that docs/cli.md names, and nothing else is printed', async () => {
    for (const [line, shape] of lines) {
      const confirming = prepare(line);
      if (!line.startsWith('login')) await confirming;
      const [first = '', ...rest] = line.split(' ').map((word) => words[word] ?? word);
      const { code, out, error } = await bed.run(first, '--json', ...rest);
      await confirming;
      expect([line, code, line.startsWith('login') ? '' : error]).toEqual([line, 0, '']);
      const parsed = shape.safeParse(JSON.parse(out));
      expect([line, parsed.error?.message]).toEqual([line, undefined]);
    }
  });

  it('is tried of every verb and of everything a verb does', () => {
    const tried = lines.map(([line]) => line);
    for (const { name, actions = [] } of verbs) {
      for (const action of actions.slice(1)) {
        expect(
          tried.some((line) => line.startsWith(`${name} ${action.name}`)),
          action.name,
        ).toBe(true);
      }
      expect(
        tried.some((line) => line.split(' ')[0] === name),
        name,
      ).toBe(true);
    }
  });

  it('tells every error as one line of problem+json on standard error, and nothing on standard output', async () => {
    for (const [line, exitCode, type] of [
      ['show app/nobody', 3, 'not_found'],
      ['people show nobody', 3, 'not_found'],
      ['show', 2, 'usage'],
      ['lsit', 2, 'usage'],
      ['list --colour', 2, 'usage'],
      ['spaces rm default', 1, 'conflict'],
      ['spaces create Bad', 1, 'invalid'],
    ] as const) {
      const { code, out, error } = await bed.run(...line.split(' '), '--json');
      expect([line, code, out]).toEqual([line, exitCode, '']);
      expect(error.trimEnd().split('\n')).toHaveLength(1);
      const problem = problemSchema
        .omit({ instance: true })
        .extend({ requestId: z.string().nullable() })
        .parse(JSON.parse(error));
      expect(problem.type).toBe(`urn:labkeeper:problem:${type}`);
    }
  });
});
