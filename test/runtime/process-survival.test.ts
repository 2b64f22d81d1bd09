import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Containers, Instance, InstanceSpec } from '../../src/runtime/containers.ts';
import { openLogWriter } from '../../src/runtime/log-files/writer.ts';
import { segmentsIn } from '../../src/runtime/log-files/segments.ts';
import { processContainers } from '../../src/runtime/process/index.ts';
import { readProcess, type ProcessIdentity } from '../../src/runtime/process/process-table.ts';
import { shimText } from '../../src/runtime/process/shim-text.ts';
import { bundleShim } from '../../scripts/embed-shim.ts';
import { eventually } from '../beds/eventually.ts';

/** What only plain processes can suffer: killed workers, killed shims, reboots, full disks. */
const installation = 'survival';
const name = 'app-test-1';
let folder: string;
let containers: Containers;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'labkeeper-survival-'));
  containers = processContainers({ installation, folder });
});

afterEach(async () => {
  for (const instance of await containers.list()) await containers.remove(instance.name);
  rmSync(folder, { recursive: true });
});

function ensure(script: string, parts: Partial<InstanceSpec> = {}): Promise<Instance> {
  return containers.ensure({
    name,
    labels: { 'labkeeper.entity': 'app/test' },
    command: ['sh', '-c', script],
    basePath: '/app/test',
    environment: () => ({}),
    limits: { cpus: 1, memoryBytes: 256 * 1024 * 1024, pids: 64 },
    log: { maxBytes: 65_536, files: 2 },
    ...parts,
  });
}

const identityIn = (file: 'shim.json' | 'start.json'): ProcessIdentity =>
  JSON.parse(readFileSync(join(folder, name, file), 'utf8')) as ProcessIdentity;

const logOf = async () => Buffer.from((await containers.readLog(name, {})).bytes).toString();

const exited = () =>
  eventually(async () => {
    const instance = await containers.inspect(name);
    expect(instance?.phase).toBe('exited');
    return instance as Instance;
  });

async function startByWorker(
  script: string,
): Promise<{ instance: Instance; kill9: () => Promise<void> }> {
  const program = join(import.meta.dirname, 'starter.ts');
  const worker = spawn(
    process.execPath,
    ['--import', 'tsx', program, folder, installation, name, script],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const failed = once(worker, 'exit').then(() => {
    throw new Error('the worker ended before it started anything');
  });
  const [line] = (await Promise.race([once(worker.stdout, 'data'), failed])) as [Buffer];
  failed.catch(() => undefined);
  return {
    instance: JSON.parse(line.toString()) as Instance,
    async kill9() {
      worker.kill('SIGKILL');
      await once(worker, 'exit');
    },
  };
}

describe('a worker killed by SIGKILL', () => {
  it('leaves its commands running, and another process adopts them', async () => {
    const worker = await startByWorker('n=0; while :; do n=$((n+1)); echo $n; sleep 0.02; done');
    await worker.kill9();
    const before = (await logOf()).length;
    await eventually(async () => expect((await logOf()).length).toBeGreaterThan(before));
    expect(await containers.list()).toEqual([worker.instance]);
    expect(await ensure('echo a second one')).toEqual(worker.instance);
    const numbers = (await logOf()).trim().split('\n').map(Number);
    expect(numbers).toEqual(numbers.map((_number, index) => index + 1));
    expect(await containers.stop(name, { graceMs: 5_000 })).toMatchObject({ signal: 'SIGTERM' });
  });

  it('loses no exit that happens while nobody watches', async () => {
    const worker = await startByWorker('sleep 0.3; echo over; exit 5');
    await worker.kill9();
    const { exit } = await exited();
    expect(exit).toEqual({ exitCode: 5, signal: null, outOfMemory: false });
    expect(await logOf()).toBe('over\n');
  });
});

describe('a worker that is done', () => {
  it('ends by itself while its commands run on', async () => {
    const program = `import { processContainers } from ${JSON.stringify(join(import.meta.dirname, '../../src/runtime/process/index.ts'))};
      await processContainers({ installation: '${installation}', folder: ${JSON.stringify(folder)} }).ensure({
        name: '${name}', labels: {}, command: ['sleep', '600'], basePath: '/', environment: () => ({}),
        limits: { cpus: 1, memoryBytes: 268435456, pids: 64 }, log: { maxBytes: 65536, files: 2 } });`;
    const worker = spawn(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '--eval', program],
      { stdio: 'inherit' },
    );
    expect(await once(worker, 'exit')).toEqual([0, null]);
    expect((await containers.inspect(name))?.phase).toBe('running');
  });
});

describe('a shim killed by SIGKILL', () => {
  it('takes its command with it, as an exit of which nothing is known', async () => {
    await ensure('sleep 600 & sleep 600');
    const seen: Instance[] = [];
    const stopping = new AbortController();
    const watching = containers.watch((instance) => seen.push(instance), stopping.signal);
    const { pid } = identityIn('start.json');
    process.kill(identityIn('shim.json').pid, 'SIGKILL');
    await eventually(() => {
      expect(seen.map((instance) => instance.exit)).toEqual([
        { exitCode: null, signal: null, outOfMemory: false },
      ]);
    });
    expect(isAlive(pid)).toBe(false);
    stopping.abort();
    await watching;
  });

  it('is noticed by whoever asks', async () => {
    await ensure('sleep 600');
    const { pid } = identityIn('start.json');
    process.kill(identityIn('shim.json').pid, 'SIGKILL');
    await eventually(async () => expect((await containers.inspect(name))?.phase).toBe('exited'));
    expect(isAlive(pid)).toBe(false);
    expect(await containers.stop(name, { graceMs: 100 })).toMatchObject({ signal: null });
  });
});

describe('a data folder that is removed', () => {
  it.each(['sleep 600', 'while :; do echo noise; sleep 0.05; done'])(
    'ends what runs in it: %s',
    async (script) => {
      await ensure(script, { log: { maxBytes: 4_096, files: 1 } });
      const command = identityIn('start.json').pid;
      const shim = identityIn('shim.json').pid;
      rmSync(join(folder, name), { recursive: true });
      await eventually(() => expect([isAlive(command), isAlive(shim)]).toEqual([false, false]));
    },
  );
});

describe('identity', () => {
  it('takes an instance from before a reboot as exited and signals nobody', async () => {
    const stranger = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
    try {
      await pretend({ bootId: 'another-boot', pid: stranger.pid ?? 0, startTime: '1' });
      expect((await containers.inspect(name))?.phase).toBe('exited');
      expect(await containers.stop(name, { graceMs: 10 })).toMatchObject({ signal: null });
      expect(isAlive(stranger.pid ?? 0)).toBe(true);
    } finally {
      stranger.kill('SIGKILL');
    }
  });

  it('never signals a process that got the pid later', async () => {
    const stranger = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
    try {
      const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
      await pretend({ bootId, pid: stranger.pid ?? 0, startTime: '1' });
      expect((await containers.inspect(name))?.phase).toBe('exited');
      await containers.remove(name);
      expect(isAlive(stranger.pid ?? 0)).toBe(true);
    } finally {
      stranger.kill('SIGKILL');
    }
  });

  /** An instance whose records name a process that is not its own. */
  async function pretend(identity: ProcessIdentity): Promise<void> {
    await ensure('exit 0');
    await exited();
    rmSync(join(folder, name, 'exit.json'));
    writeFileSync(join(folder, name, 'shim.json'), JSON.stringify(identity));
    writeFileSync(
      join(folder, name, 'start.json'),
      JSON.stringify({ ...identity, startedAtMs: 1 }),
    );
  }
});

describe('output', () => {
  it('keeps the order of both streams, however fast they come', async () => {
    await ensure('i=0; while [ $i -lt 500 ]; do i=$((i+1)); echo $i; echo $i >&2; done');
    await exited();
    const numbers = (await logOf()).trim().split('\n').map(Number);
    expect(numbers).toEqual(Array.from({ length: 1_000 }, (_value, at) => Math.floor(at / 2) + 1));
  });

  it('can be opened again as /dev/stdout', async () => {
    await ensure('echo through the device > /dev/stdout; echo and the other > /dev/stderr');
    await exited();
    expect(await logOf()).toBe('through the device\nand the other\n');
  });

  it('counts the bytes that rotation dropped', async () => {
    await ensure('i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line $i; done', {
      log: { maxBytes: 4_096, files: 3 },
    });
    await exited();
    const whole = Array.from({ length: 3_000 }, (_value, at) => `line ${at + 1}\n`).join('');
    const chunk = await containers.readLog(name, {});
    expect(chunk.fromByte).toBeGreaterThan(0);
    expect(chunk.nextByte).toBe(whole.length);
    expect(Buffer.from(chunk.bytes).toString()).toBe(whole.slice(chunk.fromByte));
  });
});

describe.runIf(canMount())('a full disk', () => {
  let disk: string;

  beforeEach(() => {
    disk = join(folder, '.disk');
    mkdirSync(disk);
    const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
    if (mount.status !== 0) throw new Error(`no small disk: ${String(mount.stderr)}`);
  });

  afterEach(() => {
    spawnSync('umount', ['-l', disk]);
  });

  it('drops output, keeps the command running, tells how much, and records the exit', async () => {
    const small = processContainers({ installation, folder: join(disk, 'apps') });
    await small.ensure({
      name,
      labels: {},
      // Writes far more than the disk holds, waits for a file, goes on.
      command: [
        'sh',
        '-c',
        `head -c 3000000 /dev/zero | tr '\\0' x; : > ${folder}/flooded; while [ ! -e ${folder}/go ]; do sleep 0.05; done; echo after; exit 7`,
      ],
      basePath: '/',
      environment: () => ({}),
      limits: { cpus: 1, memoryBytes: 256 * 1024 * 1024, pids: 64 },
      log: { maxBytes: 600_000, files: 20 },
    });
    await eventually(() => {
      expect(existsSync(join(folder, 'flooded'))).toBe(true);
      expect(segmentsIn(join(disk, 'apps', name, 'log')).length).toBeGreaterThan(1);
      expect(spawnSync('df', ['--output=avail', disk], { encoding: 'utf8' }).stdout).toMatch(
        /\n\s*0\n/,
      );
    });
    expect((await small.inspect(name))?.phase).toBe('running');
    rmSync(join(disk, 'apps', name, 'log', '000000000000000.log'));
    writeFileSync(join(folder, 'go'), '');
    const over = await eventually(async () => {
      const instance = await small.inspect(name);
      expect(instance?.phase).toBe('exited');
      return instance;
    });
    expect(over?.exit).toMatchObject({ exitCode: 7 });
    const tail = await small.readLog(name, { tailBytes: 500_000 });
    // Some of the flood may still be in the pipe when there is space again.
    expect(Buffer.from(tail.bytes).toString()).toMatch(
      /\[labkeeper: \d+ bytes of output were dropped, the disk had no space\]\nx*after\n$/,
    );
    await small.remove(name);
  });

  it('refuses a start with storage_full and leaves nothing', async () => {
    const small = processContainers({ installation, folder: join(disk, 'apps') });
    await small.ping();
    spawnSync('sh', ['-c', `head -c 2000000 /dev/zero > ${disk}/filler`]);
    await expect(
      small.ensure({
        name,
        labels: {},
        command: ['sh', '-c', 'exit 0'],
        basePath: '/',
        environment: () => ({}),
        limits: { cpus: 1, memoryBytes: 256 * 1024 * 1024, pids: 64 },
        log: { maxBytes: 600_000, files: 2 },
      }),
    ).rejects.toMatchObject({ type: 'storage_full' });
    expect(await small.list()).toEqual([]);
  });
});

describe('the log writer', () => {
  it('goes on where an earlier one ended', () => {
    const limits = { maxBytes: 4_096, files: 2 };
    for (const text of ['one', 'two', 'x'.repeat(9_000)]) {
      const writer = openLogWriter(join(folder, 'log'), limits);
      writer.write(Buffer.from(text));
      writer.close();
    }
    expect(segmentsIn(join(folder, 'log')).map(({ start, size }) => [start, size])).toEqual([
      [4_096, 4_096],
      [8_192, 814],
    ]);
  });
});

describe('secrets of a command', () => {
  const secrets = async () => ({ TOKEN: 'kept-off-the-disk' });

  it('are in its environment and in no file', async () => {
    await ensure('test "$TOKEN" = kept-off-the-disk && echo same; sleep 600', { secrets });
    await eventually(async () => expect(await logOf()).toBe('same\n'));
    const files = readdirSync(folder, { recursive: true, withFileTypes: true });
    const read = files
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));
    // The argument list of the command, which is part of its record, names the value once.
    const script = 'test "$TOKEN" = kept-off-the-disk'.replaceAll('"', '\\"');
    expect(read.join('\n').split(script).join('')).not.toContain('kept-off-the-disk');
  });

  it('that were told by half start nothing, and the next start tells them all', async () => {
    await ensure('sleep 600', { secrets });
    await containers.stop(name, { graceMs: 0 });
    const again = 'app-test-2';
    const half = join(folder, again);
    mkdirSync(half);
    const plan = JSON.parse(readFileSync(join(folder, name, 'plan.json'), 'utf8')) as object;
    writeFileSync(join(half, 'plan.json'), JSON.stringify({ ...plan, name: again, cgroup: null }));
    const [shim = ''] = readdirSync(join(folder, '.shim'));
    const started = spawnSync(process.execPath, [join(folder, '.shim', shim), half], {
      input: '{"TOKEN":"kept-of',
    });
    expect(started.status).toBe(0);
    expect((await containers.inspect(again))?.phase).toBe('created');
    const instance = await ensure('unused', { name: again, secrets });
    const { pid } = JSON.parse(readFileSync(join(half, 'start.json'), 'utf8')) as { pid: number };
    expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).toContain('TOKEN=kept-off-the-disk');
    expect(instance.phase).toBe('running');
  });
});

describe('the embedded shim', () => {
  it('is made from its source (else run: npx tsx scripts/embed-shim.ts)', async () => {
    expect(shimText).toBe(await bundleShim());
  });

  it('is kept in the data folder, so that it needs no file of the program', async () => {
    await containers.ping();
    const [file] = readdirSync(join(folder, '.shim'));
    expect(readFileSync(join(folder, '.shim', file ?? ''), 'utf8')).toBe(shimText);
  });
});

function isAlive(pid: number): boolean {
  const entry = readProcess(pid);
  return entry !== null && !entry.zombie;
}

/** Mounting needs root, and more rights than many containers have. */
function canMount(): boolean {
  const probe = mkdtempSync(join(tmpdir(), 'labkeeper-mount-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', probe]).status === 0;
  if (mounted) spawnSync('umount', [probe]);
  else console.warn('part missing: mount (run as root where tmpfs can be mounted)');
  rmSync(probe, { recursive: true });
  return mounted;
}
