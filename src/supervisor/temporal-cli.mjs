// @ts-check
// Plain JavaScript without dependencies, since scripts/setup.mjs needs it before `npm ci`.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/** The one version that labkeeper is proved with, and the server inside it. */
export const temporalCliVersion = '1.5.1';
export const temporalServerVersion = '1.29.1';

/** Said wherever the Temporal CLI is missing. */
export const temporalCliRemedy = [
  'set LABKEEPER_TEMPORAL_CLI to its path',
  `or put \`temporal\` (server ${temporalServerVersion} or newer) on PATH`,
  `or put it at ${join(cacheFolder(process.env), 'bin', 'temporal')}`,
  `or let \`node scripts/setup.mjs\` download it where the release address can be reached`,
  'or install Go, with which the same command builds it',
].join('; ');

/**
 * The user's cache folder of labkeeper: programs that were fetched or built once.
 * @param {Readonly<Record<string, string | undefined>>} environment
 * @returns {string}
 */
export function cacheFolder(environment) {
  return join(environment['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'labkeeper');
}

/**
 * The Temporal CLI that is there already: by setting, on PATH when it is new enough, in the cache
 * folder. Null when there is none. Throws when the setting names something that cannot be run.
 * @param {Readonly<Record<string, string | undefined>>} environment
 * @returns {{ path: string, from: 'setting' | 'path' | 'cache' } | null}
 */
export function findTemporalCli(environment) {
  const set = environment['LABKEEPER_TEMPORAL_CLI'];
  if (set) {
    if (isProgram(set)) return { path: set, from: 'setting' };
    throw new Error(`LABKEEPER_TEMPORAL_CLI names no program: ${set}. Correct it or unset it`);
  }
  for (const folder of (environment['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, 'temporal');
    if (folder !== '' && isProgram(path) && isNewEnough(path)) return { path, from: 'path' };
  }
  const cached = join(cacheFolder(environment), 'bin', 'temporal');
  return isProgram(cached) ? { path: cached, from: 'cache' } : null;
}

/**
 * Whether this program is a Temporal CLI with a server that labkeeper can use.
 * @param {string} path
 * @returns {boolean}
 */
export function isNewEnough(path) {
  return isAtLeast(versionSaidBy(path, /Server (\d+\.\d+\.\d+)/), temporalServerVersion);
}

/**
 * What a program says of its version; null when it says nothing.
 * @param {string} path
 * @param {RegExp} pattern
 * @returns {string | null}
 */
export function versionSaidBy(path, pattern = /version (\d+\.\d+\.\d+)/) {
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 10_000 });
  return pattern.exec(stdout ?? '')?.[1] ?? null;
}

/**
 * Whether a version (null: unknown) is the wanted one or a newer one.
 * @param {string | null} version
 * @param {string} wanted
 * @returns {boolean}
 */
export function isAtLeast(version, wanted) {
  if (version === null) return false;
  const has = version.split('.').map(Number);
  for (const [index, number] of wanted.split('.').map(Number).entries()) {
    const own = has[index] ?? 0;
    if (own !== number) return own > number;
  }
  return true;
}

/** @param {string} path */
export function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
