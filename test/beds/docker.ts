import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { eventually } from './eventually.ts';

/** A real Docker Engine of the tests alone: own folders, own socket, own bridge, no iptables rules. */
export interface DockerEngine {
  socketPath: string;
  docker: Docker;
  /** As a day on which the engine is updated: its containers end with it. */
  restart(): Promise<void>;
  /** Ends the engine and keeps its data for `start`. */
  halt(): Promise<void>;
  start(): Promise<void>;
  /** Holds the engine still, as when its machine swaps; `thaw` lets it go on. */
  freeze(): void;
  thaw(): void;
  /** Ends it with all it runs and removes what it kept. */
  stop(): Promise<void>;
}

const stopMs = 30_000;

/**
 * Starts an engine in about two seconds. Whatever happens to the tests, a guard ends it and clears
 * its folder when the process that called this is gone.
 */
export async function startDockerEngine(): Promise<DockerEngine> {
  const folder = mkdtempSync(join(tmpdir(), 'labkeeper-engine-'));
  const socketPath = join(folder, 'docker.sock');
  const bridge = makeBridge();
  const guard = startGuard(folder, bridge);
  const docker = new Docker({ socketPath });
  let daemon: ChildProcess | null = null;

  const start = async () => {
    const log = openSync(join(folder, 'dockerd.log'), 'a');
    const started = spawn('dockerd', argumentsOf(folder, socketPath, bridge), {
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    daemon = started;
    await eventually(
      async () => {
        if (started.exitCode !== null) throw new Error(`dockerd ended:\n${tail(folder)}`);
        await docker.ping();
      },
      { deadlineMs: 60_000, intervalMs: 50 },
    ).catch((error: unknown) => {
      throw new Error(`dockerd is not ready:\n${tail(folder)}`, { cause: error });
    });
  };

  const halt = async () => {
    const ending = daemon;
    if (ending === null || ending.exitCode !== null || ending.signalCode !== null) return;
    const ended = once(ending, 'exit');
    ending.kill('SIGCONT');
    ending.kill('SIGTERM');
    const late = setTimeout(() => ending.kill('SIGKILL'), stopMs);
    await ended;
    clearTimeout(late);
  };

  try {
    await start();
  } catch (error) {
    guard.kill('SIGTERM');
    throw error;
  }
  return {
    socketPath,
    docker,
    start,
    halt,
    async restart() {
      await halt();
      await start();
    },
    freeze: () => daemon?.kill('SIGSTOP'),
    thaw: () => daemon?.kill('SIGCONT'),
    async stop() {
      // What runs is killed first: the engine would wait for each to end by itself.
      for (const { Id } of await docker.listContainers()) {
        await docker
          .getContainer(Id)
          .remove({ force: true })
          .catch(() => undefined);
      }
      await halt();
      const cleared = once(guard, 'exit');
      guard.kill('SIGTERM');
      await cleared;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function argumentsOf(folder: string, socketPath: string, bridge: string): string[] {
  return [
    '--data-root',
    join(folder, 'data'),
    '--exec-root',
    join(folder, 'exec'),
    '--pidfile',
    join(folder, 'dockerd.pid'),
    '--host',
    `unix://${socketPath}`,
    '--bridge',
    bridge,
    // Ports on loopback are served by the engine's proxy: no rule is needed, and rules are shared.
    '--iptables=false',
    '--ip-masq=false',
    '--shutdown-timeout',
    '5',
    '--log-level',
    'warn',
  ];
}

/** A bridge of its own: engines that share one give the same addresses twice. */
function makeBridge(): string {
  for (let tries = 0; tries < 20; tries += 1) {
    const name = `lk${randomInt(36 ** 6).toString(36)}`;
    const subnet = `10.${randomInt(100, 250)}.${randomInt(250)}`;
    const routes = spawnSync('ip', ['route'], { encoding: 'utf8' }).stdout;
    if (routes.includes(`${subnet}.`)) continue;
    const commands = [
      ['link', 'add', name, 'type', 'bridge'],
      ['addr', 'add', `${subnet}.1/24`, 'dev', name],
      ['link', 'set', name, 'up'],
    ];
    if (commands.every((command) => spawnSync('ip', command).status === 0)) return name;
    spawnSync('ip', ['link', 'delete', name]);
  }
  throw new Error('no network bridge can be made for a Docker Engine: is `ip` there, and root?');
}

/** Waits for its parent's end (or SIGTERM), then ends the engine and removes everything. */
function startGuard(folder: string, bridge: string): ChildProcess {
  const script = `
    ended=0
    trap 'ended=1' TERM
    trap '' INT HUP
    while [ $ended = 0 ] && kill -0 "$1" 2>/dev/null; do sleep 0.2; done
    of_engine() { grep -lsaF -- "$2" /proc/[0-9]*/cmdline | sed 's|/proc/||; s|/cmdline||' | grep -vx "$$"; }
    daemon=$(cat "$2/dockerd.pid" 2>/dev/null)
    if [ -n "$daemon" ] && kill -0 "$daemon" 2>/dev/null; then
      kill -CONT "$daemon"; kill -TERM "$daemon"
      for i in $(seq 100); do kill -0 "$daemon" 2>/dev/null || break; sleep 0.1; done
    fi
    for pid in $(of_engine "$1" "$2/"); do kill -KILL "$pid" 2>/dev/null; done
    for point in $(awk -v f="$2/" 'index($2, f) == 1 { print $2 }' /proc/mounts | sort -r); do umount -l "$point"; done
    ip link delete "$3" 2>/dev/null
    rm -rf "$2"
  `;
  const guard = spawn('sh', ['-c', script, 'guard', String(process.pid), folder, bridge], {
    detached: true,
    stdio: 'ignore',
  });
  guard.unref();
  return guard;
}

function tail(folder: string): string {
  const path = join(folder, 'dockerd.log');
  return existsSync(path) ? readFileSync(path, 'utf8').slice(-3_000) : '';
}
