import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../test/beds/eventually.ts';
import { round, type Bench, type Figure } from './measure.ts';

const root = join(import.meta.dirname, '..');

/**
 * What a newcomer meets: a clean clone, one command, the first app answered; the second start; the
 * memory of everything when nothing is used. Binaries of Temporal are cached: their build is apart.
 */
export const bench: Bench = ({ say }) => footprint([], say);

/** The same for `npm start` with these arguments. */
export async function footprint(
  args: readonly string[],
  say: (text: string) => void,
): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'footprint-'));
  const clone = join(folder, 'labkeeper');
  try {
    spawnSync('git', ['clone', '-q', root, clone]);
    const first = await start(clone, args);
    say(
      `first line after ${round(first.firstLineSeconds)} s, app after ${round(first.appSeconds)} s`,
    );
    await stop(first.child);
    const second = await start(clone, args);
    say(`second start: app after ${round(second.appSeconds)} s`);
    const idle = await eventually(
      () => {
        const running = readdirSync(join(clone, 'data', 'hosts', 'local', 'apps')).filter((name) =>
          name.startsWith('app-'),
        );
        if (running.length > 0) throw new Error(`${running.join(', ')} still runs`);
        return memoryMB(clone);
      },
      { deadlineMs: 300_000, intervalMs: 1_000 },
    );
    for (const { name, megabytes } of idle) say(`${round(megabytes)} MB  ${name}`);
    await stop(second.child);
    const figures: Figure[] = [
      { figure: 'commands', value: 1, unit: '' },
      { figure: 'firstLineSeconds', value: round(first.firstLineSeconds), unit: 's' },
      { figure: 'appSeconds', value: round(first.appSeconds), unit: 's' },
      { figure: 'secondStartSeconds', value: round(second.appSeconds), unit: 's' },
      {
        figure: 'idleMB',
        value: round(idle.reduce((sum, { megabytes }) => sum + megabytes, 0)),
        unit: 'MB, shared pages counted once',
      },
    ];
    return figures;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Started {
  child: ChildProcess;
  firstLineSeconds: number;
  appSeconds: number;
}

/** `npm start` until the example app answers at the address that is printed. */
async function start(clone: string, args: readonly string[]): Promise<Started> {
  const beganMs = performance.now();
  let firstLineMs: number | null = null;
  let text = '';
  const child = spawn('npm', ['start', '--', ...args], {
    cwd: clone,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const hear = (chunk: Buffer) => {
    // npm's own two lines say nothing yet.
    text += chunk.toString();
    if (firstLineMs === null && /^(?!>|\s*$).+/m.test(text)) firstLineMs = performance.now();
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  await eventually(
    async () => {
      const url = /https?:\/\/\S+\/app\/\S+/.exec(text)?.[0];
      if (url === undefined) throw new Error(`no address of an app yet:\n${text.slice(-1500)}`);
      const answer = await fetch(url);
      if (!answer.ok) throw new Error(`${url} answers ${answer.status}`);
    },
    { deadlineMs: 300_000, intervalMs: 50 },
  );
  return {
    child,
    firstLineSeconds: ((firstLineMs ?? performance.now()) - beganMs) / 1000,
    appSeconds: (performance.now() - beganMs) / 1000,
  };
}

/** Ctrl-C, with everything that runs. */
async function stop(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGINT');
  await ended;
}

/** Proportional memory (PSS) of every process that belongs to the clone. */
function memoryMB(clone: string): { name: string; megabytes: number }[] {
  const processes: { name: string; megabytes: number }[] = [];
  const postgres = realpathSync(join(clone, 'data', 'postgres'));
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      const environment = readFileSync(`/proc/${entry}/environ`, 'utf8');
      const folder = `PWD=${clone}`;
      const belongs = command.includes(clone) || environment.includes(folder);
      const database = readlinkSync(`/proc/${entry}/cwd`) === postgres;
      if (!belongs && !database) continue;
      const pss = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${entry}/smaps_rollup`, 'utf8'));
      processes.push({ name: command.slice(0, 100), megabytes: Number(pss?.[1] ?? 0) / 1024 });
    } catch {
      // It ended while it was looked at.
      continue;
    }
  }
  return processes.toSorted((left, right) => right.megabytes - left.megabytes);
}
