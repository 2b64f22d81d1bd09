import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { promisify } from 'node:util';

/** One measured number; with a peer's number of the same run beside it where there is one. */
export interface Figure {
  figure: string;
  value: number;
  unit: string;
  peer?: string;
  peerValue?: number;
  ratio?: number;
}

export interface BenchOptions {
  /** Length of one measurement. */
  seconds: number;
  /** Progress, for people. */
  say: (text: string) => void;
}

export type Bench = (options: BenchOptions) => Promise<Figure[]>;

/** A figure with its ratio to a peer. */
export function against(
  figure: string,
  value: number,
  unit: string,
  peer: string,
  peerValue: number,
): Figure {
  return {
    figure,
    value: round(value),
    unit,
    peer,
    peerValue: round(peerValue),
    ratio: round(value / peerValue),
  };
}

export function printFigures(bench: string, figures: readonly Figure[]): void {
  const rows = figures.map((one) => [
    one.figure,
    `${one.value} ${one.unit}`,
    one.peer === undefined ? '' : `${one.peer}: ${one.peerValue}`,
    one.ratio === undefined ? '' : `× ${one.ratio}`,
  ]);
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const out = process.stdout;
  for (const row of rows) {
    out.write(
      `${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    );
  }
  for (const one of figures) out.write(`${JSON.stringify({ bench, ...one })}\n`);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

export function round(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}

export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address === 'object' && address !== null) return address.port;
  throw new Error('no free port');
}

/** A child that lives until `stopAll`, on one core. */
export function startOn(
  core: number,
  command: readonly string[],
  env?: NodeJS.ProcessEnv,
): ChildProcess {
  const child = spawn('taskset', ['-c', String(core), ...command], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(env === undefined ? {} : { env }),
  });
  let trouble = '';
  child.stderr.on('data', (chunk: Buffer) => {
    trouble = (trouble + chunk.toString()).slice(-2000);
  });
  child.on('exit', (code) => {
    if (!stopping && code !== 0 && !child.killed)
      process.stderr.write(`${command.join(' ')} ended: ${trouble}\n`);
  });
  started.push(child);
  return child;
}

export async function stopAll(): Promise<void> {
  stopping = true;
  for (const child of started.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), 3_000);
    await once(child, 'exit');
    clearTimeout(late);
  }
  stopping = false;
}

export async function untilListening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt += 1) {
    const socket = net.connect(port, '127.0.0.1');
    const connected = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (connected === true) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing listens on port ${port}`);
}

export interface Load {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  errors: number;
}

/** One run of wrk, on one core. */
export async function wrk(
  core: number,
  url: string,
  options: { connections: number; seconds: number; headers?: string[]; script?: string },
): Promise<Load> {
  const { stdout } = await promisify(execFile)('taskset', [
    '-c',
    String(core),
    'wrk',
    '-t1',
    `-c${options.connections}`,
    `-d${options.seconds}s`,
    '--latency',
    ...(options.headers ?? []).flatMap((header) => ['-H', header]),
    ...(options.script === undefined ? [] : ['-s', options.script]),
    url,
  ]);
  const bad = /Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? '0';
  const socketErrors = [...stdout.matchAll(/(?:connect|read|write|timeout) (\d+)/g)];
  return {
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? Number.NaN),
    p50Ms: inMs(/50%\s+([\d.]+)(us|ms|s)/.exec(stdout)),
    p99Ms: inMs(/99%\s+([\d.]+)(us|ms|s)/.exec(stdout)),
    errors: Number(bad) + socketErrors.reduce((sum, match) => sum + Number(match[1]), 0),
  };
}

/** Processor time a process and its children have used, in seconds. */
export function cpuSeconds(pid: number): number {
  return processTree(pid).reduce((sum, one) => {
    const fields = readFileSync(`/proc/${one}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return sum + (Number(fields[11]) + Number(fields[12])) / 100;
  }, 0);
}

/** Resident memory of a process and its children that is theirs alone, in bytes. */
export function ownMemoryBytes(pid: number): number {
  return processTree(pid).reduce((sum, one) => {
    const kB = /^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${one}/status`, 'utf8'))?.[1] ?? '0';
    return sum + Number(kB) * 1024;
  }, 0);
}

export function processTree(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  const below =
    children === '' ? [] : children.split(' ').flatMap((child) => processTree(Number(child)));
  return [pid, ...below];
}

const started: ChildProcess[] = [];
let stopping = false;

function inMs(match: RegExpExecArray | null): number {
  const value = Number(match?.[1] ?? Number.NaN);
  return match?.[2] === 'us' ? value / 1000 : match?.[2] === 's' ? value * 1000 : value;
}
