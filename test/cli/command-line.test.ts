import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AppJson, OperationJson } from '../../src/model/api.ts';
import type { Store } from '../../src/store/ports.ts';
import { eventually } from '../beds/eventually.ts';
import { requirePart } from '../beds/require.ts';
import { deadAddress, openCommandLine, type CommandLineBed } from './bed.ts';

describe.runIf(requirePart('postgres'))('the command line', () => {
  let bed: CommandLineBed;
  let folder: string;
  const write = async (name: string, text: string) => {
    const file = join(folder, name);
    await writeFile(file, text);
    return file;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'labkeeper-cli-'));
    bed = await openCommandLine({
      logReader: {
        read: async (_host, instance, { fromByte }) => {
          const bytes = new TextEncoder().encode(fromByte ? '' : `hello from ${instance}\n`);
          return { fromByte: 0, nextByte: 40, bytes, complete: true };
        },
        usage: async () => ({ memoryBytes: 4096, memoryLimitBytes: 8192, cpus: 0.5, pids: 3 }),
      },
    });
    await bed.api.store.hosts.heartbeat({
      name: 'local',
      agentUrl: 'http://127.0.0.1:1',
      runtimes: [{ kind: 'process', ready: true, reason: null }],
      storage: { state: 'ok', freeBytes: 5_000_000_000, totalBytes: 9_000_000_000 },
      cpus: 4,
      memoryBytes: 8_000_000_000,
    });
    await bed.api.register('board', { title: 'Drawing \u001b[31mboard' });
    await bed.api.register('shy');
  });
  afterAll(async () => {
    await bed.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('lists apps as an aligned table, and as JSON', async () => {
    const { code, out } = await bed.run('list');
    expect(code).toBe(0);
    expect(out.split('\n')[0]).toMatch(/^NAME +STATE +FOR +HOST +TITLE$/);
    expect(out).toMatch(/app\/board +asleep +\d+ s +- +Drawing  ?\[31mboard/);
    const json = await bed.run('list', '--json');
    expect((JSON.parse(json.out) as AppJson[]).map(({ name }) => name)).toEqual(['board', 'shy']);
  });

  it('lists hosts', async () => {
    const { out } = await bed.run('list', 'hosts');
    expect(out).toMatch(/host\/local +online/);
  });

  it('shows an app by its full and by its bare name', async () => {
    const full = await bed.run('show', 'app/board');
    expect(full.code).toBe(0);
    expect(full.out).toContain('board was registered at');
    expect((await bed.run('show', 'board')).out).toContain('app/board  asleep');
    expect((await bed.run('show', 'host/local')).out).toContain('host/local  online');
  });

  it('asks which one is meant when app and host have one name', async () => {
    await bed.api.register('local');
    const { code, error } = await bed.run('show', 'local');
    expect(code).toBe(2);
    expect(error).toContain('local is ambiguous: say app/local or host/local');
    await bed.api.store.apps.remove('local', { life: 9, revision: 9 }, {});
  });

  it('explains in the one sentence the API has', async () => {
    const { out } = await bed.run('explain', 'board');
    const app = (await (await bed.api.send('GET', '/api/v1/apps/board')).json()) as AppJson;
    expect(out).toBe(`${app.explanation}\n`);
  });

  it('explains a field of a definition from its schema, and knows which there are', async () => {
    const { out } = await bed.run('explain', 'app.idle.idleAfterMs');
    expect(out).toBe(
      [
        'app.idle.idleAfterMs  integer',
        'Asleep after this long without use, tab open or not',
        '',
        'default: 1800000 (30 min)',
        'limits:  10 to 31536000000 (365 d)',
        'example: idleAfterMs: 3600000 (1 h)',
        '',
      ].join('\n'),
    );
    expect((await bed.run('explain', 'app.idle')).out).toMatch(
      /app\.idle\.maxAgeMs +integer or null +Asleep/,
    );
    const { code, error } = await bed.run('explain', 'app.idleTimeoutMs');
    expect(code).toBe(3);
    expect(error).toContain('there is no field app.idleTimeoutMs; labkeeper explain app lists');
  });

  it('explains a failure with its exit and last lines', async () => {
    await bed.api.register('broken');
    await bed.api.store.apps.beginLife('broken');
    await bed.api.store.apps.advance(
      'broken',
      { life: 1, revision: 1 },
      {
        condition: {
          wanted: 'awake',
          phase: 'failed',
          generation: 2,
          exit: { exitCode: 3, signal: null, outOfMemory: false },
          lastLogLines: ['no such table', 'bye \u001b[2J'],
          detail: 'exited with code 3; gave up after 5 restarts',
        },
      },
    );
    const { out } = await bed.run('explain', 'broken');
    expect(out).toMatch(/^broken failed at .*gave up after 5 restarts/);
    expect(out).toContain('It exited with code 3.');
    expect(out).toContain('  no such table\n  bye  [2J\n');
  });

  it('prints the log and the timeline', async () => {
    await run(bed.api.store, 'board');
    expect((await bed.run('logs', 'board')).out).toBe('hello from app-board-1\n');
    const followed = await bed.run('logs', 'board', '-f', '--generation', '1');
    expect(followed.out).toContain('hello from app-board-1');
    const { out } = await bed.run('events', 'app/board');
    expect(out).toMatch(/app\/board {2}registered {2}local user/);
    const all = await bed.run('events', '--json', '--limit', '2');
    expect(JSON.parse(all.out)).toHaveLength(2);
  });

  it('prints the address of an app, and opens nothing for a program', async () => {
    const { out } = await bed.run('open', 'board');
    expect(out).toBe('http://localhost:8081/app/board/\n');
    expect(bed.browsed).toEqual([]);
  });

  it('sends commands and says where their operation is', async () => {
    for (const verb of ['start', 'stop', 'restart', 'rm']) {
      const { code, out } = await bed.run(verb, 'shy', '--json', '--why', 'a test');
      expect(code).toBe(0);
      const operation = JSON.parse(out) as OperationJson;
      expect(operation).toMatchObject({ entity: 'app/shy', state: 'accepted', why: 'a test' });
    }
    const { code, error } = await bed.run('keep-awake', 'shy');
    expect([code, error]).toEqual([1, expect.stringContaining('cannot keep shy awake')]);
  });

  it('waits for the end of an operation and shows what goes on', async () => {
    await bed.api.register('slow');
    const waiting = bed.run('start', 'slow', '--wait');
    const operationId = await accepted(bed, 'slow', 'wake');
    const mark = { life: 1, revision: 1 };
    await bed.api.store.apps.beginLife('slow');
    await bed.api.store.apps.advance('slow', mark, {
      condition: { wanted: 'awake', phase: 'failed', generation: 1 },
      finish: [{ id: operationId, state: 'failed', detail: 'exited with code 1' }],
    });
    const { code, out } = await waiting;
    expect(code).toBe(1);
    expect(out).toBe('app/slow  wake  failed: exited with code 1\n');
  });

  it('looks up every name before it does anything', async () => {
    const before = bed.api.delivered.length;
    const { code, error } = await bed.run('stop', 'board', 'nobody');
    expect(code).toBe(3);
    expect(error).toContain('there is no app or host nobody');
    expect(bed.api.delivered).toHaveLength(before);
  });

  it('applies a file: created, unchanged, replaced', async () => {
    const one = (title: string) => `apps:\n  - { name: yaml, title: ${title}, command: [serve] }\n`;
    const file = await write('labkeeper.yaml', one('First'));
    expect((await bed.run('apply', file)).out).toBe('created  app/yaml\n');
    expect((await bed.run('apply', file)).out).toBe('unchanged  app/yaml\n');
    await write('labkeeper.yaml', one('Second'));
    const { out } = await bed.run('apply', file, '--json');
    expect(JSON.parse(out)).toMatchObject([{ name: 'yaml', outcome: 'replaced' }]);
  });

  it('applies nothing of a file with mistakes', async () => {
    const file = await write(
      'bad.yaml',
      'apps:\n  - { name: fine, command: [serve] }\n  - { name: bad, port: 0 }\n',
    );
    const { code, error } = await bed.run('apply', file);
    expect(code).toBe(2);
    expect(error).toContain('bad.yaml:3: apps[1].port: ');
    expect(error).toContain('bad.yaml:3: apps[1].image: give an image or a command');
    expect(error).toContain('has 2 mistakes; nothing was changed.');
    expect((await bed.api.send('GET', '/api/v1/apps/fine')).status).toBe(404);
  });

  it('knows missing, wrong and unreachable apart by its exit code', async () => {
    expect((await bed.run('show', 'app/nobody')).code).toBe(3);
    expect((await bed.run('show', 'Not A Name')).code).toBe(2);
    expect((await bed.run('show')).code).toBe(2);
    expect((await bed.run('list', '--colour')).code).toBe(2);
    expect((await bed.run('lsit')).error).toContain('did you mean list?');
    expect((await bed.run('apply', join(folder, 'absent.yaml'))).code).toBe(2);
    const { code, error } = await bed.run('list', '--server', await deadAddress());
    expect(code).toBe(4);
    expect(error).toContain('Start it with `npm start`');
  });

  it('tells failures as JSON when asked for JSON', async () => {
    const { error } = await bed.run('show', 'app/nobody', '--json');
    expect(JSON.parse(error)).toEqual({
      type: 'urn:labkeeper:problem:not_found',
      title: 'There is no such thing',
      status: 404,
      detail: 'there is no app nobody; see labkeeper list',
      requestId: null,
    });
    const refused = await bed.run('keep-awake', 'shy', '--json');
    expect(refused.code).toBe(1);
    expect(JSON.parse(refused.error)).toMatchObject({
      type: 'urn:labkeeper:problem:conflict',
      status: 409,
      requestId: expect.any(String) as string,
    });
  });

  it('helps with and without a verb', async () => {
    const all = (await bed.run('--help')).out;
    for (const verb of ['up', 'doctor', 'list', 'logs', 'apply', 'rm']) {
      expect(all).toContain(`\n  ${verb} `);
      if (verb === 'up' || verb === 'doctor') continue;
      expect((await bed.run(verb, '--help')).out).toMatch(new RegExp(`^Usage: labkeeper ${verb} `));
    }
  });
});

/** Brings an app to its first instance, as its workflow would. */
async function run(store: Store, name: string): Promise<void> {
  await store.apps.beginLife(name);
  const condition = { wanted: 'awake', phase: 'ready', generation: 1, host: 'local' } as const;
  await store.apps.advance(name, { life: 1, revision: 1 }, { condition });
}

/** The id of an operation once it was handed to the workflow. */
async function accepted(bed: CommandLineBed, name: string, command: string): Promise<string> {
  return eventually(() => {
    const entry = bed.api.delivered.find(
      ({ entity, payload }) => entity === `app/${name}` && payload.command === command,
    );
    const id = entry?.payload.operationId;
    if (id === undefined) throw new Error('not delivered yet');
    return id;
  });
}
