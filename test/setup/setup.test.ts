import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { installTemporalCli } from '../../scripts/temporal-cli-install.mjs';
import { installTemporalServer } from '../../scripts/temporal-server-install.mjs';
import { findTemporalServer } from '../../src/supervisor/temporal-server-programs.mjs';
import { findTemporalCli, isNewEnough } from '../../src/supervisor/temporal-cli.mjs';

const root = join(import.meta.dirname, '..', '..');
const fakeCli = '#!/bin/sh\necho "temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)"\n';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'labkeeper-setup-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('setup', () => {
  let template: string;

  /** A clone with one package to install, from a file: npm works as always, without a registry. */
  beforeAll(() => {
    template = mkdtempSync(join(tmpdir(), 'labkeeper-clone-'));
    const engines = ['temporal-cli.mjs', 'temporal-server-programs.mjs'];
    for (const name of ['scripts', ...engines.map((file) => `src/supervisor/${file}`)]) {
      mkdirSync(dirname(join(template, name)), { recursive: true });
      cpSync(join(root, name), join(template, name), { recursive: true });
    }
    write(join(template, 'package', 'package.json'), '{"name":"tiny","version":"1.0.0"}');
    tar(template, 'tiny.tgz', 'package');
    const manifest = { name: 'clone', type: 'module', dependencies: { tiny: 'file:tiny.tgz' } };
    write(join(template, 'package.json'), JSON.stringify(manifest));
    write(join(template, 'cache', 'labkeeper', 'bin', 'temporal'), fakeCli, 0o755);
    const locked = spawnSync('npm', ['install', '--package-lock-only', '--offline'], {
      cwd: template,
      encoding: 'utf8',
    });
    expect(locked.status, locked.stderr).toBe(0);
  });
  afterAll(() => rmSync(template, { recursive: true, force: true }));
  beforeEach(() => cpSync(template, folder, { recursive: true }));

  const script = `
    const { setup } = await import('./scripts/setup.mjs');
    await setup({ temporal: 'required', built: false });
  `;
  const start = (settings: Record<string, string> = {}) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      cwd: folder,
      env: {
        ...process.env,
        XDG_CACHE_HOME: join(folder, 'cache'),
        npm_config_cache: join(folder, 'npm-cache'),
        ...settings,
      },
    });
    let output = '';
    child.stdout.on('data', (chunk) => (output += String(chunk)));
    child.stderr.on('data', (chunk) => (output += String(chunk)));
    const ended = once(child, 'close').then(([exitCode]) => ({
      exitCode: exitCode as number,
      output,
    }));
    return { child, ended };
  };
  const installed = () => existsSync(join(folder, 'node_modules', 'tiny', 'package.json'));

  it('says what it does, and the second time has nothing to do', async () => {
    const first = await start().ended;
    expect(first.output).toContain('Setting up: install packages');
    expect(first).toMatchObject({ exitCode: 0 });
    expect(installed()).toBe(true);
    expect(await start().ended).toEqual({ exitCode: 0, output: '' });
  });

  it('installs again when a package is not the one of the lock file', async () => {
    await start().ended;
    const path = join(folder, 'node_modules', '.package-lock.json');
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll('1.0.0', '0.9.0'));
    expect((await start().ended).output).toContain('install packages');
  });

  it('is repeated after a kill in the middle as if nothing had been', async () => {
    const first = start();
    await once(first.child.stdout, 'data');
    first.child.kill('SIGKILL');
    await first.ended;
    expect(await start().ended).toMatchObject({ exitCode: 0 });
    expect(installed()).toBe(true);
  });

  it('lets a second one wait for the first', async () => {
    const both = await Promise.all([start().ended, start().ended]);
    expect(both.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    expect(installed()).toBe(true);
  });

  it('takes the failure of npm as one sentence with the remedy', async () => {
    const manifest = { name: 'clone', type: 'module', dependencies: { other: '1.0.0' } };
    write(join(folder, 'package.json'), JSON.stringify(manifest));
    const { exitCode, output } = await start({ npm_config_offline: 'true' }).ended;
    expect(exitCode).not.toBe(0);
    expect(output).toContain('npm ci failed: check the network and the registry');
  });

  it('refuses an old Node by a sentence', () => {
    const old = 'Object.defineProperty(process, "versions", { value: { node: "18.1.0" } });';
    const { stderr, status } = spawnSync(
      process.execPath,
      ['--import', `data:text/javascript,${encodeURIComponent(old)}`, 'scripts/setup.mjs'],
      { cwd: folder, encoding: 'utf8' },
    );
    expect(status).toBe(1);
    expect(stderr).toBe(
      'labkeeper needs Node 20.19 or newer, and this is 18.1.0: install a newer one (https://nodejs.org)\n',
    );
  });
});

describe('findTemporalCli', () => {
  it('looks at the setting, then PATH, then the cache folder', () => {
    const places = ['set', 'path', 'cache/labkeeper/bin'].map((name) => {
      const path = join(folder, name, 'temporal');
      write(path, fakeCli, 0o755);
      return path;
    });
    const [set = '', onPath = '', cached = ''] = places;
    const environment = { XDG_CACHE_HOME: join(folder, 'cache'), PATH: dirname(onPath) };
    expect(findTemporalCli({ ...environment, LABKEEPER_TEMPORAL_CLI: set })?.path).toBe(set);
    expect(findTemporalCli(environment)?.path).toBe(onPath);
    write(onPath, fakeCli.replace('1.29.1', '1.28.9'), 0o755);
    expect(findTemporalCli(environment)?.path).toBe(cached);
    rmSync(cached);
    expect(findTemporalCli(environment)).toBeNull();
  });

  it('says when the setting names no program', () => {
    expect(() => findTemporalCli({ LABKEEPER_TEMPORAL_CLI: '/nowhere' })).toThrow(
      'LABKEEPER_TEMPORAL_CLI names no program: /nowhere',
    );
  });

  it.each([
    ['Server 1.29.1', true],
    ['Server 1.29.0', false],
    ['Server 1.30.0', true],
    ['Server 2.0.0', true],
    ['no server', false],
  ])('takes %s for new enough: %s', (says, answer) => {
    const path = join(folder, 'temporal');
    write(path, `#!/bin/sh\necho "temporal version 0 (${says}, UI 2.42.1)"\n`, 0o755);
    expect(isNewEnough(path)).toBe(answer);
  });
});

describe('the programs of the Temporal server', () => {
  const names = ['temporal-server', 'temporal-sql-tool', 'temporal-ui-server'];
  const put = (place: string, name: string, version: string) => {
    const path = join(folder, place, name);
    write(path, `#!/bin/sh\necho "${name} version ${version}"\n`, 0o755);
    return path;
  };
  const putAll = (place: string, version: string) =>
    names.map((name) => put(place, name, name === 'temporal-ui-server' ? '2.42.1' : version));
  const cache = 'cache/labkeeper/temporal-server-1.29.1';
  const environment = () => ({
    XDG_CACHE_HOME: join(folder, 'cache'),
    PATH: `${join(folder, 'path')}:/usr/bin:/bin`,
  });
  const pathsOf = (more: Record<string, string> = {}) => {
    const { programs } = findTemporalServer({ ...environment(), ...more });
    return programs === null ? [] : Object.values(programs).map(({ path }) => path);
  };

  it('are looked for by their settings, then on PATH, then in the cache folder', () => {
    const cached = putAll(cache, '1.29.1');
    expect(pathsOf()).toEqual(cached);
    const onPath = putAll('path', '1.30.2');
    expect(pathsOf()).toEqual(onPath);
    const [server = '', sqlTool = '', uiServer = ''] = putAll('set', '1.29.1');
    const settings = {
      LABKEEPER_TEMPORAL_SERVER: server,
      LABKEEPER_TEMPORAL_SQL_TOOL: sqlTool,
      LABKEEPER_TEMPORAL_UI_SERVER: uiServer,
    };
    expect(pathsOf(settings)).toEqual([server, sqlTool, uiServer]);
  });

  it('are taken from PATH only when new enough, and server and SQL tool of one version', () => {
    const cached = putAll(cache, '1.29.1');
    put('path', 'temporal-server', '1.28.0');
    put('path', 'temporal-sql-tool', '1.28.0');
    expect(pathsOf()).toEqual(cached);
    put('path', 'temporal-server', '1.31.0');
    put('path', 'temporal-sql-tool', '1.30.0');
    expect(pathsOf()).toEqual(cached);
  });

  it('are named when they are missing, and a setting that names no program is', () => {
    put(cache, 'temporal-server', '1.29.1');
    expect(findTemporalServer(environment())).toEqual({
      missing: ['temporal-sql-tool', 'temporal-ui-server'],
      programs: null,
    });
    const wrong = { LABKEEPER_TEMPORAL_UI_SERVER: '/nowhere' };
    expect(() => pathsOf(wrong)).toThrow('LABKEEPER_TEMPORAL_UI_SERVER names no program: /nowhere');
  });

  /** A Go that builds a program which says a version, and notes what it was asked for. */
  function putGo(version: string): string {
    const asked = join(folder, 'asked');
    const script = [
      '#!/bin/sh',
      '[ "$1" = version ] && exit 0',
      `echo "$3" >> ${asked}`,
      'program="$GOBIN/$(basename "${3%@*}")"',
      `said=${version}; case "$3" in *ui-server*) said=2.42.1;; esac`,
      'printf \'#!/bin/sh\\necho version %s\\n\' "$said" > "$program"',
      'chmod +x "$program"',
    ];
    write(join(folder, 'path', 'go'), script.join('\n'), 0o755);
    return asked;
  }
  const install = () => installTemporalServer({ say: () => undefined, environment: environment() });

  it('are built with Go at their pinned versions, each under a name of its own, and once', async () => {
    const asked = putGo('1.29.1');
    await install();
    expect(pathsOf()).toEqual(names.map((name) => join(folder, cache, name)));
    await install();
    expect(readFileSync(asked, 'utf8').trim().split('\n')).toEqual([
      'go.temporal.io/server/cmd/server@v1.29.1',
      'go.temporal.io/server/cmd/tools/sql@v1.29.1',
      'github.com/temporalio/ui-server/v2/cmd/server@v2.42.1',
    ]);
    expect(readdirSync(join(folder, cache)).sort()).toEqual(names);
  });

  it('are not taken when they say another version', async () => {
    putGo('1.0.0');
    await expect(install()).rejects.toThrow('temporal-server says version 1.0.0 instead of 1.29.1');
    expect(readdirSync(join(folder, cache))).toEqual([]);
  });

  it('can be had in five ways, which are named where there is no Go', async () => {
    const bare = { XDG_CACHE_HOME: join(folder, 'cache'), PATH: '/nowhere' };
    const failure = await installTemporalServer({ say: () => undefined, environment: bare }).catch(
      (error: Error) => error.message,
    );
    const ways = ['LABKEEPER_TEMPORAL_SERVER', 'on PATH', 'temporal-server-1.29.1', 'install Go'];
    for (const way of [...ways, 'TEMPORAL_ADDRESS']) expect(failure).toContain(way);
  });
});

describe('installTemporalCli', () => {
  let server: Server;
  let releases: string;
  let files: Record<string, Buffer>;
  const name = () => {
    const machine = process.arch === 'x64' ? 'amd64' : process.arch;
    return `temporal_cli_1.5.1_${process.platform}_${machine}.tar.gz`;
  };

  beforeEach(async () => {
    files = {};
    server = createServer((request, response) => {
      const file = files[(request.url ?? '').split('/').at(-1) ?? ''];
      response.statusCode = file === undefined ? 404 : 200;
      response.end(file);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    releases = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    write(join(folder, 'release', 'temporal'), fakeCli, 0o755);
    tar(join(folder, 'release'), 'archive.tgz', 'temporal');
    const archive = readFileSync(join(folder, 'release', 'archive.tgz'));
    files[name()] = archive;
    const sum = createHash('sha256').update(archive).digest('hex');
    files['checksums.txt'] = Buffer.from(`${sum}  ${name()}\n`);
  });
  afterEach(() => server.close());

  const install = (leastArchiveBytes: number) =>
    installTemporalCli({
      ...{ releases, leastArchiveBytes, say: () => undefined },
      environment: { XDG_CACHE_HOME: join(folder, 'cache'), PATH: '/nowhere' },
    });
  const bin = () => readdirSync(join(folder, 'cache', 'labkeeper', 'bin'));

  it('downloads the release into the cache folder', async () => {
    const { path, how } = await install(10);
    expect(how).toBe('downloaded');
    expect(isNewEnough(path)).toBe(true);
    expect(bin()).toEqual(['temporal']);
  });

  it('takes no archive whose checksum is another', async () => {
    files['checksums.txt'] = Buffer.from(`${'0'.repeat(64)}  ${name()}\n`);
    await expect(install(10)).rejects.toThrow('does not have the checksum of the release');
    expect(bin()).toEqual([]);
  });

  it('takes no archive that is too small to be one', async () => {
    await expect(install(1_000_000)).rejects.toThrow(/has only \d+ bytes/);
  });

  it('names five ways when there is none', async () => {
    files = {};
    const failure = await install(10).catch((error: Error) => error.message);
    for (const way of ['LABKEEPER_TEMPORAL_CLI', 'PATH', 'labkeeper/bin', 'download', 'Go']) {
      expect(failure).toContain(way);
    }
  });
});

function write(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
}

function tar(folder: string, archive: string, name: string): void {
  const { status, stderr } = spawnSync('tar', ['-czf', archive, name], { cwd: folder });
  expect(status, String(stderr)).toBe(0);
}
