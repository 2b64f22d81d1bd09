import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { LabError } from '../../model/failures.ts';
import type { LogChunk, LogRange } from '../containers.ts';
import { cutSegments, gapIn, readSegments, segmentsIn } from '../log-files/segments.ts';
import { openLogWriter } from '../log-files/writer.ts';
import { readRange } from '../log-range.ts';
import { call, openStream, statusOf, type Engine } from './engine.ts';
import { logFrames } from './log-frames.ts';
import { inspectContainer } from './inspect.ts';
import { containerName, ownLabels } from './naming.ts';

/**
 * The engine gives its log by time only, and drops old parts without a word. So it is copied, a
 * bit with each read and the rest at removal, into files whose offsets stay true: they count every
 * byte copied, not those that the engine dropped before anybody read. One process a host copies.
 */
interface Cursor {
  /** Time of the newest message that was copied; empty before the first. */
  newest: string;
  /** Messages of the last moments: those the engine may give again. */
  recent: string[];
  /** Offset after the last copied byte. */
  end: number;
  /** All is copied and nothing will come. */
  over: boolean;
}

/** Two streams may be out of order by this much. */
const overlapMs = 20;
const mostRecent = 5_000;
const copyLimitMs = 120_000;

/** One copy at a time an instance: name of its folder → the one under way. */
const copies = new Map<string, Promise<Cursor | null>>();

export async function readInstanceLog(
  engine: Engine,
  name: string,
  range: LogRange,
): Promise<LogChunk> {
  const cursor = await copyLog(engine, name);
  const folder = folderOf(engine, name);
  const segments = segmentsIn(folder);
  return readRange(
    {
      start: segments[0]?.start ?? 0,
      end: cursor?.end ?? 0,
      gap: gapIn(segments),
      over: cursor === null || cursor.over,
      read: (from, to) => readSegments(folder, from, to),
    },
    range,
  );
}

/** Copies all there is of an instance that is over. */
export async function keepLog(engine: Engine, name: string): Promise<void> {
  try {
    await copyLog(engine, name);
  } catch (error) {
    if (error instanceof LabError && error.type === 'runtime_unavailable') throw error;
    // A log that the engine cannot read any more must not keep a container from being removed.
    engine.log?.warn({ instance: name, err: error }, 'log not kept');
  }
}

/** What was copied so far, of instances that are gone and of some that are there. */
export function keptLogNames(engine: Engine): string[] {
  const prefix = containerName(engine, '');
  const kept = existsSync(engine.logFolder) ? readdirSync(engine.logFolder) : [];
  return kept.flatMap((name) => (name.startsWith(prefix) ? [name.slice(prefix.length)] : []));
}

/** Success when there is none. */
export function forgetInstanceLog(engine: Engine, name: string): void {
  rmSync(folderOf(engine, name), { recursive: true, force: true });
}

/** Null when nothing is known of such an instance. */
function copyLog(engine: Engine, name: string): Promise<Cursor | null> {
  const folder = folderOf(engine, name);
  // Whoever comes later wants what was written meanwhile: no joining, one after the other.
  const before = copies.get(folder) ?? Promise.resolve(null);
  const copy = before.catch(() => null).then(() => copyNow(engine, name, folder));
  copies.set(folder, copy);
  const forget = () => {
    if (copies.get(folder) === copy) copies.delete(folder);
  };
  copy.then(forget, forget);
  return copy;
}

async function copyNow(engine: Engine, name: string, folder: string): Promise<Cursor | null> {
  const cursor = readCursor(folder);
  if (cursor?.over === true) return cursor;
  const info = await inspectContainer(engine, name);
  if (info === null) return cursor === null ? null : { ...cursor, over: true };
  const over = info.State.Status === 'exited' || info.State.Status === 'dead';
  const next: Cursor = cursor ?? { newest: '', recent: [], end: 0, over: false };
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  cutSegments(folder, next.end);
  const config = info.HostConfig.LogConfig?.Config as Record<string, string> | undefined;
  const writer = openLogWriter(folder, {
    maxBytes: Number(config?.['max-size'] ?? 50 * 1024 * 1024),
    files: Number(config?.['max-file'] ?? 3),
    keepsBeginning: info.Config.Labels?.[ownLabels.keepsBeginning] === 'true',
  });
  try {
    await append(engine, name, next, (bytes) => writer.write(bytes));
  } finally {
    writer.close();
    next.end = writer.end();
  }
  next.over = over;
  writeCursor(folder, next);
  return next;
}

async function append(
  engine: Engine,
  name: string,
  cursor: Cursor,
  write: (bytes: Uint8Array) => void,
): Promise<void> {
  const known = new Map<string, number>();
  for (const key of cursor.recent) known.set(key, (known.get(key) ?? 0) + 1);
  const query = {
    stdout: 'true',
    stderr: 'true',
    timestamps: 'true',
    ...(cursor.newest === '' ? {} : { since: sinceOf(cursor.newest) }),
  };
  const path = `/containers/${containerName(engine, name)}/logs`;
  try {
    await call(
      engine,
      `read the log of ${name}`,
      async (signal) => {
        for await (const frame of logFrames(await openStream(engine, path, query, signal))) {
          const key = `${frame.time}${frame.stream}`;
          const copied = known.get(key) ?? 0;
          if (copied > 0) {
            known.set(key, copied - 1);
            continue;
          }
          write(frame.bytes);
          cursor.recent.push(key);
          if (frame.time > cursor.newest) cursor.newest = frame.time;
          if (cursor.recent.length > 2 * mostRecent) forgetOld(cursor);
        }
      },
      { timeoutMs: copyLimitMs },
    );
  } catch (error) {
    // Removed while it was read: what was copied is what there is.
    if (statusOf(error) !== 404) throw error;
  }
  forgetOld(cursor);
}

function forgetOld(cursor: Cursor): void {
  if (cursor.newest === '') return;
  const oldest = new Date(Date.parse(cursor.newest) - overlapMs).toISOString().slice(0, 23);
  cursor.recent = cursor.recent.filter((key) => key.slice(0, 23) >= oldest).slice(-mostRecent);
}

/** Seconds with milliseconds, a little before the newest message. */
function sinceOf(newest: string): string {
  return ((Date.parse(newest) - overlapMs) / 1_000).toFixed(3);
}

const cursorFile = 'cursor.json';
const folderOf = (engine: Engine, name: string): string =>
  join(engine.logFolder, containerName(engine, name));

function readCursor(folder: string): Cursor | null {
  try {
    return JSON.parse(readFileSync(join(folder, cursorFile), 'utf8')) as Cursor;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

function writeCursor(folder: string, cursor: Cursor): void {
  const draft = join(folder, `${cursorFile}.tmp`);
  writeFileSync(draft, JSON.stringify(cursor), { mode: 0o600 });
  renameSync(draft, join(folder, cursorFile));
}
