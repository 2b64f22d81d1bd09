// @ts-check
// Plain JavaScript without dependencies, since scripts/setup.mjs needs it before `npm ci`.
import { delimiter, join } from 'node:path';
import {
  cacheFolder,
  isAtLeast,
  isProgram,
  temporalServerVersion,
  versionSaidBy,
} from './temporal-cli.mjs';

/**
 * What `labkeeper up --production` runs beside PostgreSQL, and how Go builds each. A program is
 * named after its package's folder when it is built, so each is built into a folder of its own.
 */
export const temporalServerPrograms = Object.freeze({
  server: {
    name: 'temporal-server',
    setting: 'LABKEEPER_TEMPORAL_SERVER',
    package: 'go.temporal.io/server/cmd/server',
    version: temporalServerVersion,
  },
  sqlTool: {
    name: 'temporal-sql-tool',
    setting: 'LABKEEPER_TEMPORAL_SQL_TOOL',
    package: 'go.temporal.io/server/cmd/tools/sql',
    version: temporalServerVersion,
  },
  uiServer: {
    name: 'temporal-ui-server',
    setting: 'LABKEEPER_TEMPORAL_UI_SERVER',
    package: 'github.com/temporalio/ui-server/v2/cmd/server',
    version: '2.42.1',
  },
});

/** @typedef {keyof typeof temporalServerPrograms} Role */
/** @typedef {'setting' | 'path' | 'cache'} Origin */
/** @typedef {Readonly<Record<string, string | undefined>>} Environment */

/** @type {readonly Role[]} */
export const temporalServerRoles = ['server', 'sqlTool', 'uiServer'];

/** Said wherever one of them is missing. */
export const temporalServerRemedy = [
  `set ${temporalServerRoles.map((role) => temporalServerPrograms[role].setting).join(', ')} to their paths`,
  `or put ${temporalServerRoles.map((role) => temporalServerPrograms[role].name).join(', ')} on PATH (server and SQL tool ${temporalServerVersion} or newer, of one version)`,
  `or put them into ${temporalServerCache(process.env)}`,
  'or install Go, with which `node scripts/setup.mjs --production` builds them',
  'or set TEMPORAL_ADDRESS to a Temporal Service that runs elsewhere',
].join('; ');

/**
 * Where built programs lie, one folder a version: a newer labkeeper builds its own.
 * @param {Environment} environment
 */
export function temporalServerCache(environment) {
  return join(cacheFolder(environment), `temporal-server-${temporalServerVersion}`);
}

/**
 * The programs that are there: by setting, on PATH when new enough, in the cache. Server and SQL
 * tool are taken from the same place, since the tool makes the tables that the server wants. Names
 * of those that are missing otherwise. Throws when a setting names something that cannot be run.
 * @param {Environment} environment
 * @returns {{ missing: string[], programs: Record<Role, { path: string, from: Origin }> | null }}
 */
export function findTemporalServer(environment) {
  const pair = findPair(environment);
  const uiServer = findOne('uiServer', environment);
  const found = { ...pair, uiServer };
  const missing = temporalServerRoles.filter((role) => found[role] === null);
  const { server, sqlTool } = pair;
  if (server === null || sqlTool === null || uiServer === null) {
    return { missing: missing.map((role) => temporalServerPrograms[role].name), programs: null };
  }
  return { missing: [], programs: { server, sqlTool, uiServer } };
}

/** @param {Environment} environment */
function findPair(environment) {
  for (const look of [bySetting, onPath, inCache]) {
    const server = look('server', environment);
    const sqlTool = look('sqlTool', environment);
    if (server === null && sqlTool === null) continue;
    // Half of a pair on PATH is no reason to leave the whole one of the cache alone.
    const isPair = server !== null && sqlTool !== null && haveOneVersion(server, sqlTool);
    if (isPair || look !== onPath) return { server, sqlTool };
  }
  return { server: null, sqlTool: null };
}

/**
 * @param {{ path: string, from: Origin }} server
 * @param {{ path: string, from: Origin }} sqlTool
 */
function haveOneVersion(server, sqlTool) {
  return server.from !== 'path' || versionSaidBy(server.path) === versionSaidBy(sqlTool.path);
}

/**
 * @param {Role} role
 * @param {Environment} environment
 */
function findOne(role, environment) {
  return bySetting(role, environment) ?? onPath(role, environment) ?? inCache(role, environment);
}

/**
 * @param {Role} role
 * @param {Environment} environment
 * @returns {{ path: string, from: Origin } | null}
 */
function bySetting(role, environment) {
  const { setting } = temporalServerPrograms[role];
  const path = environment[setting];
  if (!path) return null;
  if (isProgram(path)) return { path, from: 'setting' };
  throw new Error(`${setting} names no program: ${path}. Correct it or unset it`);
}

/**
 * @param {Role} role
 * @param {Environment} environment
 * @returns {{ path: string, from: Origin } | null}
 */
function onPath(role, environment) {
  const { name, version } = temporalServerPrograms[role];
  for (const folder of (environment['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, name);
    if (folder === '' || !isProgram(path)) continue;
    if (isAtLeast(versionSaidBy(path), version)) return { path, from: 'path' };
  }
  return null;
}

/**
 * @param {Role} role
 * @param {Environment} environment
 * @returns {{ path: string, from: Origin } | null}
 */
function inCache(role, environment) {
  const path = join(temporalServerCache(environment), temporalServerPrograms[role].name);
  return isProgram(path) ? { path, from: 'cache' } : null;
}
