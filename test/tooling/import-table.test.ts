import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

/** What a room may import of other rooms: code, or types only. Everything else must be refused. */
const table: Readonly<Record<string, { code: string[]; types: string[]; packages: string[] }>> = {
  model: { code: [], types: [], packages: ['zod'] },
  metrics: { code: [], types: [], packages: ['node:*'] },
  tracing: { code: [], types: ['metrics/metrics.ts', 'log.ts'], packages: ['node:*'] },
  workflows: {
    code: ['model/app-state.ts'],
    types: ['activities/index.ts', 'model/app-spec.ts'],
    packages: ['@temporalio/workflow', '@temporalio/common'],
  },
  activities: {
    code: [
      'model/app-state.ts',
      'runtime/containers.ts',
      'metrics/metrics.ts',
      'tracing/tracing.ts',
    ],
    types: ['outbound/identity-provider.ts', 'store/ports.ts', 'config.ts', 'log.ts'],
    packages: ['@temporalio/activity', '@temporalio/common', 'node:*'],
  },
  'runtime/docker': {
    code: ['model/app-state.ts', 'runtime/containers.ts'],
    types: ['config.ts', 'log.ts'],
    packages: ['dockerode', 'node:*'],
  },
  'runtime/process': {
    code: ['model/app-state.ts', 'runtime/containers.ts'],
    types: ['config.ts', 'log.ts'],
    packages: ['node:*'],
  },
  'runtime/volume-folders': {
    code: ['model/app-state.ts', 'runtime/containers.ts'],
    types: ['config.ts', 'log.ts'],
    packages: ['node:*'],
  },
  'store/postgres': {
    code: ['model/app-state.ts', 'store/ports.ts'],
    types: ['config.ts', 'log.ts'],
    packages: ['pg', 'pg-copy-streams', 'node:*'],
  },
  'store/key-file': {
    code: ['model/app-state.ts', 'store/ports.ts'],
    types: [],
    packages: ['node:*'],
  },
  'outbound/oidc': {
    code: ['model/app-state.ts', 'outbound/identity-provider.ts'],
    types: [],
    packages: ['openid-client', 'node:*'],
  },
  agent: {
    code: [
      'model/app-state.ts',
      'runtime/containers.ts',
      'metrics/metrics.ts',
      'tracing/tracing.ts',
    ],
    types: ['store/ports.ts', 'config.ts', 'log.ts'],
    packages: ['node:*'],
  },
  gateway: {
    code: ['model/app-state.ts', 'metrics/metrics.ts', 'tracing/tracing.ts'],
    types: ['store/ports.ts', 'config.ts', 'log.ts'],
    packages: ['undici', 'node:*'],
  },
  api: {
    code: [
      'model/app-state.ts',
      'workflows/messages.ts',
      'metrics/metrics.ts',
      'tracing/tracing.ts',
    ],
    types: [
      'outbound/identity-provider.ts',
      'store/ports.ts',
      'config.ts',
      'log.ts',
      'workflows/app.ts',
    ],
    packages: ['hono', 'zod', '@temporalio/client', '@temporalio/common', 'node:crypto'],
  },
  client: { code: ['model/app-state.ts'], types: [], packages: ['zod'] },
  cli: {
    code: ['model/app-state.ts', 'client/index.ts'],
    types: ['config.ts', 'log.ts'],
    packages: ['yaml', 'zod', 'node:*', '@temporalio/client'],
  },
};

/** One file of each room, to be imported from each other room. */
const targets = [
  'model/app-state.ts',
  'metrics/metrics.ts',
  'tracing/tracing.ts',
  'workflows/app.ts',
  'workflows/messages.ts',
  'activities/index.ts',
  'runtime/containers.ts',
  'runtime/docker/index.ts',
  'runtime/process/index.ts',
  'runtime/volume-folders/index.ts',
  'store/ports.ts',
  'store/postgres/index.ts',
  'store/key-file/sealer.ts',
  'agent/agent.ts',
  'gateway/forward.ts',
  'api/app.ts',
  'client/index.ts',
  'cli/main.ts',
  'outbound/identity-provider.ts',
  'supervisor/up.ts',
  'config.ts',
  'log.ts',
];
const packages = [
  'zod',
  'pg',
  'pg-copy-streams',
  'tar-stream',
  'dockerode',
  'undici',
  'openid-client',
  'hono',
  'yaml',
  'node:fs',
  'node:crypto',
  '@temporalio/workflow',
  '@temporalio/activity',
  '@temporalio/client',
  '@temporalio/common',
  '@temporalio/worker',
];

interface Plant {
  file: string;
  room: string;
  of: string;
  how: 'code' | 'types';
}

describe('the import table', () => {
  let copy: string;
  let refused: Set<string>;
  const plants: Plant[] = [];

  beforeAll(() => {
    copy = mkdtempSync(join(tmpdir(), 'labkeeper-lint-'));
    for (const name of ['.oxlintrc.json', 'tsconfig.json', 'package.json']) {
      cpSync(join(root, name), join(copy, name));
    }
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    for (const room of Object.keys(table)) {
      for (const of of [...targets, ...packages]) {
        for (const how of ['code', 'types'] as const) plants.push(plant(copy, room, of, how));
      }
    }
    refused = lint(copy);
  }, 60_000);
  afterAll(() => rmSync(copy, { recursive: true, force: true }));

  it.each(Object.keys(table))('lets %s import what it names', (room) => {
    const wrong = plants.filter(
      (one) => one.room === room && mayImport(one) && refused.has(one.file),
    );
    expect(wrong.map(describePlant)).toEqual([]);
  });

  it.each(Object.keys(table))('refuses everything else to %s', (room) => {
    const wrong = plants.filter(
      (one) => one.room === room && !mayImport(one) && !refused.has(one.file),
    );
    expect(wrong.map(describePlant)).toEqual([]);
  });

  it('knows every room there is', () => {
    const rooms = readdirSync(join(root, 'src'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== 'supervisor')
      .map(({ name }) => name);
    const known = Object.keys(table).map((name) => name.split('/', 1)[0]);
    expect(rooms.filter((name) => !known.includes(name))).toEqual([]);
  });
});

/** A file deep in the room that imports one thing. */
function plant(folder: string, room: string, of: string, how: Plant['how']): Plant {
  const file = `src/${room}/planted/${of.replaceAll(/[^a-z]+/g, '-')}-${how}.ts`;
  const up = '../'.repeat(room.split('/').length + 1);
  const specifier = of.endsWith('.ts') ? `${up}${of}` : of;
  const text =
    how === 'code'
      ? `import * as it from '${specifier}';\nexport const kept = it;\n`
      : `import type * as it from '${specifier}';\nexport type Kept = typeof it;\n`;
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text);
  return { file, room, of, how };
}

function mayImport({ room, of, how }: Plant): boolean {
  const { code = [], types = [], packages: named = [] } = table[room] ?? {};
  if (of.startsWith(`${room}/`) || named.includes(of)) return true;
  if (of.startsWith('node:') && named.includes('node:*')) return true;
  return code.includes(of) || (how === 'types' && types.includes(of));
}

function describePlant({ file, of, how }: Plant): string {
  return `${file} imports ${how} of ${of}`;
}

/** Files that the lint complains about because of an import. */
function lint(folder: string): Set<string> {
  const { stdout } = spawnSync(
    join(root, 'node_modules', '.bin', 'oxlint'),
    ['-f', 'json', '--no-ignore', '--ignore-pattern', 'node_modules', 'src'],
    { cwd: folder, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  const { diagnostics } = JSON.parse(stdout) as {
    diagnostics: { code: string; filename: string }[];
  };
  const ofImports = diagnostics.filter(({ code }) =>
    /restricted-imports|nodejs-modules/.test(code),
  );
  return new Set(ofImports.map(({ filename }) => filename));
}
