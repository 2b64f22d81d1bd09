import { accessSync, constants, statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { LabError } from '../../model/failures.ts';
import type { Mount } from '../containers.ts';

/** Sockets are made below TMPDIR, and their paths end at about 100 bytes. */
const longestTemporaryPath = 70;

/**
 * What every command may see: nothing of labkeeper's own environment, which may hold secrets. Node
 * itself is on the PATH, since it is the one program that is surely here.
 */
export function baseEnvironment(temporaryFolder: string): Record<string, string> {
  const short = temporaryFolder.length <= longestTemporaryPath;
  return {
    PATH: [
      ...new Set([
        dirname(process.execPath),
        '/usr/local/sbin',
        '/usr/local/bin',
        '/usr/sbin',
        '/usr/bin',
        '/sbin',
        '/bin',
      ]),
    ].join(delimiter),
    HOME: homedir(),
    LANG: 'C.UTF-8',
    TMPDIR: short ? temporaryFolder : tmpdir(),
  };
}

/**
 * Throws `start_refused`, with the remedy, for what cannot be run; `spawn` itself says too little.
 * Without a working directory it starts in a folder that is new and empty.
 */
export function checkCommand(
  name: string,
  command: readonly string[],
  workingDirectory: string | undefined,
  path: string,
): void {
  const refuse = (why: string, remedy: string): LabError =>
    new LabError('start_refused', `cannot start ${name}: ${why}. ${remedy}`, {
      details: { command: command[0] ?? '' },
    });
  const [file] = command;
  if (file === undefined || file === '') {
    throw refuse('it has no command', 'Register it with a `command`');
  }
  if (
    workingDirectory !== undefined &&
    statSync(workingDirectory, { throwIfNoEntry: false })?.isDirectory() !== true
  ) {
    throw refuse(
      `its working directory ${workingDirectory} does not exist`,
      'Make it, or register another `workingDirectory`',
    );
  }
  const candidates = file.includes('/')
    ? isAbsolute(file) || workingDirectory !== undefined
      ? [resolve(workingDirectory ?? '/', file)]
      : []
    : path.split(delimiter).map((folder) => join(folder, file));
  if (candidates.some(isExecutable)) return;
  if (candidates.some((candidate) => statSync(candidate, { throwIfNoEntry: false })?.isFile())) {
    throw refuse(`its command ${file} is not executable`, 'Make it executable (chmod +x)');
  }
  throw refuse(
    `its command ${file} was not found`,
    file.includes('/')
      ? 'Check the path'
      : `Install it, or give its whole path: only ${path} is searched`,
  );
}

/** A command that finds no folder would make one of its own somewhere, which nobody finds again. */
export function checkMounts(name: string, mounts: readonly Mount[]): void {
  for (const { volume, source } of mounts) {
    if (statSync(source, { throwIfNoEntry: false })?.isDirectory() === true) continue;
    throw new LabError(
      'start_refused',
      `cannot start ${name}: the folder ${source} of volume ${volume} is not there. Put it back`,
      { details: { volume } },
    );
  }
}

function isExecutable(path: string): boolean {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EACCES') return false;
    throw error;
  }
}
