import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { LabError } from '../../model/failures.ts';
import { volumeVariables, withVolumes } from '../../model/volume-mount.ts';
import type { InstanceSpec } from '../containers.ts';
import { substitute } from '../substitute.ts';
import { createCgroup, removeCgroup, type Cgroup } from './cgroup.ts';
import { baseEnvironment, checkCommand, checkMounts } from './environment.ts';
import { freePort } from './free-port.ts';
import {
  instanceFolder,
  prepareHome,
  rubbishFolder,
  shimFile,
  withStorage,
  type Home,
} from './home.ts';
import { findCgroupParent } from './isolation.ts';
import { resume } from './pause.ts';
import { currentBootId } from './process-table.ts';
import { claimRecord, isErrno, markValue, markVariable, type Plan } from './records.ts';
import { instanceNames, readRecords, readState, type State } from './state.ts';
import { waitForStart } from './wait-for-start.ts';

/** Small heaps and few threads: there is one shim a command, and it does next to nothing. */
const shimFlags = [
  '--max-old-space-size=32',
  '--max-semi-space-size=1',
  '--v8-pool-size=0',
  '--no-warnings',
];

/** Create or adopt, as the port says. */
export async function ensureInstance(
  home: Home,
  spec: InstanceSpec,
  signal: AbortSignal | undefined,
): Promise<State> {
  const { name } = spec;
  for (let tries = 0; tries < 3; tries += 1) {
    signal?.throwIfAborted();
    let state = await readState(home, name);
    // Before anything is written: what is missing leaves nothing behind.
    const isMade = state !== null && state.shim !== null;
    const secrets = isMade ? {} : await spec.secrets?.();
    if (state === null) {
      await writePlan(home, spec);
      state = readRecords(home, name);
    }
    if (state === null) continue;
    if (state.exit !== null) return state;
    if (state.shim === null) await startShim(home, name, secrets ?? {});
    const started = await waitForStart(home, name);
    if (started === null) continue;
    if ('code' in started) {
      // A refused instance never was: nothing half-made stays.
      if (state.plan.cgroup !== null) removeCgroup(state.plan.cgroup);
      discard(home, name);
      throw new LabError('start_refused', `cannot start ${name}: ${started.message}`, {
        details: { code: started.code },
      });
    }
    if (started.paused) resume(home, started);
    return (await readState(home, name)) ?? started;
  }
  throw new LabError('conflict', `cannot start ${name}: it was removed while it was started`);
}

/** Everything is decided and written before anything runs; the first writer's plan holds. */
async function writePlan(home: Home, spec: InstanceSpec): Promise<void> {
  const { name } = spec;
  const what = `start ${name}`;
  const folder = instanceFolder(home, name);
  const work = join(folder, 'work');
  const temporary = join(folder, 'tmp');
  const port = await freePort(portsTaken(home), home.basePortHint);
  const { mounts = [] } = spec;
  const volumes = new Map(mounts.map(({ volume, source }) => [volume, source]));
  const command = withVolumes(
    substitute(spec.command ?? [], { port, basePath: spec.basePath }),
    volumes,
  );
  const environment: Record<string, string> = {
    ...baseEnvironment(temporary),
    ...volumeVariables(volumes),
    ...spec.environment(port),
  };
  checkCommand(name, command, spec.workingDirectory, environment['PATH'] ?? '');
  checkMounts(name, mounts);
  environment[markVariable] = markValue(home.installation, name);
  withStorage(what, () => {
    prepareHome(home);
    for (const needed of [folder, work, temporary]) {
      mkdirSync(needed, { recursive: true, mode: 0o700 });
    }
    const cgroup = makeCgroup(home, spec);
    const plan: Plan = {
      name,
      installation: home.installation,
      labels: { ...spec.labels },
      port,
      command,
      workingDirectory: spec.workingDirectory ?? work,
      environment,
      limits: spec.limits,
      log: spec.log,
      cgroup,
      createdAtMs: Date.now(),
      bootId: currentBootId(),
    };
    try {
      claimRecord(folder, 'plan', plan);
    } catch (error) {
      if (cgroup !== null) removeCgroup(cgroup);
      throw error;
    }
  });
}

function makeCgroup(home: Home, spec: InstanceSpec): Cgroup | null {
  const { parent } = findCgroupParent();
  if (parent === null) return null;
  const name = `${home.installation.slice(0, 8)}-${spec.name}`;
  try {
    return createCgroup(parent, name, spec.limits);
  } catch (error) {
    throw new LabError(
      'runtime_unavailable',
      `cannot start ${spec.name}: its control group could not be made below ${parent.memory}`,
      { cause: error },
    );
  }
}

function portsTaken(home: Home): Set<number> {
  const taken = new Set<number>();
  for (const name of instanceNames(home)) {
    const state = readRecords(home, name);
    if (state !== null && state.exit === null) taken.add(state.plan.port);
  }
  return taken;
}

/**
 * Several may start one at once: the shims settle among themselves which of them stays. Secrets go
 * through a pipe, so that no disk ever has them.
 */
async function startShim(
  home: Home,
  name: string,
  secrets: Readonly<Record<string, string>>,
): Promise<void> {
  const folder = instanceFolder(home, name);
  prepareHome(home);
  const errors = withStorage(`start ${name}`, () => openSync(join(folder, 'shim.err'), 'a', 0o600));
  try {
    await new Promise<void>((resolve, reject) => {
      const shim = spawn(process.execPath, [...shimFlags, shimFile(home), folder], {
        cwd: folder,
        detached: true,
        env: { PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, UV_THREADPOOL_SIZE: '1' },
        stdio: ['pipe', 'pipe', errors],
      });
      const { stdin, stdout } = shim;
      shim.once('error', reject);
      // One that ends at once says why in its records.
      stdin?.on('error', () => undefined);
      stdin?.end(JSON.stringify(secrets));
      // Its first line, or its end: the records say which and why. After that its pipe is let go,
      // or it would keep this process from ending as long as the instance runs.
      const settled = () => {
        stdin?.destroy();
        stdout?.destroy();
        resolve();
      };
      stdout?.once('data', settled);
      stdout?.once('close', settled);
      stdout?.once('error', settled);
      shim.unref();
    }).catch((error: unknown) => {
      if (isErrno(error, 'ENOENT') && readRecords(home, name) === null) return;
      throw error;
    });
  } finally {
    closeSync(errors);
  }
}

/** Out of sight in one step, then gone. Success when absent. */
export function discard(home: Home, name: string): void {
  const rubbish = rubbishFolder(home, name);
  try {
    renameSync(instanceFolder(home, name), rubbish);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return;
    throw error;
  }
  rmSync(rubbish, { recursive: true, force: true });
}
