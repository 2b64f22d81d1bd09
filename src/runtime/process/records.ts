import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { AppSpec } from '../../model/app-spec.ts';
import type { InstanceSpec } from '../containers.ts';
import type { Exit } from '../../model/app-state.ts';
import type { Cgroup } from './cgroup.ts';
import type { ProcessIdentity } from './process-table.ts';

/**
 * The files of one instance folder, `<kind>.json`, which are the whole truth about it. Runtime and
 * shim share them; each is written once and whole, so that a reader after any crash finds all or
 * nothing.
 */
export interface Records {
  /** What to run, port included. Written by the runtime before anything runs. */
  plan: Plan;
  /** Which shim runs it: the first one to link this file, and no other. */
  shim: ProcessIdentity;
  /** The command runs. */
  start: StartRecord;
  /** The command could not be run at all. */
  refusal: Refusal;
  /** Somebody asked for its end, so that an end by SIGKILL is no surprise. */
  stop: { atMs: number };
  /** It is frozen. */
  pause: { atMs: number };
  /** How it ended. */
  exit: Exit;
}

export const recordFile = (kind: keyof Records): string => `${kind}.json`;

export interface Plan {
  name: string;
  installation: string;
  labels: Record<string, string>;
  port: number;
  command: string[];
  workingDirectory: string;
  /** Without secrets, which no file holds. */
  environment: Record<string, string>;
  limits: AppSpec['limits'];
  log: InstanceSpec['log'];
  cgroup: Cgroup | null;
  createdAtMs: number;
  bootId: string;
}

export interface StartRecord extends ProcessIdentity {
  startedAtMs: number;
}

export interface Refusal {
  code: string;
  message: string;
}

/** Log segments and what they are called: the offset of their first byte since the beginning. */
export const logFolder = 'log';

/** In the folder of all instances: an empty file a finished instance, so that one watch sees all. */
export const exitedFolder = '.exited';

/** A variable of everything an instance runs, inherited by whatever that starts. */
export const markVariable = 'LABKEEPER_INSTANCE';
export const markValue = (installation: string, name: string): string => `${installation}/${name}`;
export const markOf = (plan: Plan): string =>
  `${markVariable}=${markValue(plan.installation, plan.name)}`;

/** Null when it was not written. */
export function readRecord<Kind extends keyof Records>(
  folder: string,
  kind: Kind,
): Records[Kind] | null {
  try {
    return JSON.parse(readFileSync(join(folder, recordFile(kind)), 'utf8')) as Records[Kind];
  } catch (error) {
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR')) return null;
    throw error;
  }
}

/** Writes it whole, in place of what was there. */
export function writeRecord<Kind extends keyof Records>(
  folder: string,
  kind: Kind,
  value: Records[Kind],
): void {
  const draft = draftOf(folder, kind);
  writeFileSync(draft, JSON.stringify(value), { mode: 0o600 });
  renameSync(draft, join(folder, recordFile(kind)));
}

/** Writes it whole; false when it is there already, or the folder was removed meanwhile. */
export function claimRecord<Kind extends keyof Records>(
  folder: string,
  kind: Kind,
  value: Records[Kind],
): boolean {
  const draft = draftOf(folder, kind);
  try {
    writeFileSync(draft, JSON.stringify(value), { mode: 0o600 });
    linkSync(draft, join(folder, recordFile(kind)));
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST') || isErrno(error, 'ENOENT')) return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

const draftOf = (folder: string, kind: keyof Records): string =>
  join(folder, `${kind}.${process.pid}.${process.hrtime.bigint()}.tmp`);

/** Room on the disk that the shim takes at the start, so that the exit can be written when it is full. */
export const exitDraft = { file: 'exit.draft', bytes: 512 } as const;

/** Writes the exit into the room taken for it, then names it: whole or not at all. */
export function writeExit(folder: string, exit: Exit): void {
  const draft = join(folder, exitDraft.file);
  const text = JSON.stringify(exit).padEnd(exitDraft.bytes);
  writeFileSync(draft, text, { flag: existsSync(draft) ? 'r+' : 'w', mode: 0o600 });
  renameSync(draft, join(folder, recordFile('exit')));
}

/** Tells every watcher of the folder that this instance is over. */
export function announceExit(folder: string): void {
  const announcements = join(dirname(folder), exitedFolder);
  mkdirSync(announcements, { recursive: true, mode: 0o700 });
  writeFileSync(join(announcements, basename(folder)), '');
}

export const unknownExit: Exit = { exitCode: null, signal: null, outOfMemory: false };

export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
