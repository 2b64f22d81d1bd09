import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { labkeeperClient } from '../client/index.ts';
import { firstUrl, loadConfig, publicUrls, type Config } from '../config.ts';
import { readAddresses } from '../supervisor/addresses.ts';
import { browse } from './browse.ts';
import { keptToken } from './credentials.ts';
import { runCommandLine } from './command-line.ts';
import { exitCodes, UsageError } from './exit-codes.ts';
import { readSecret as readSecretFrom } from './read-secret.ts';
import type { Terminal } from './terminal.ts';

const { env, stdin, stdout, stderr } = process;

async function main(args: readonly string[]): Promise<number> {
  const [verb, ...rest] = args;
  // Loaded when asked for: the other verbs start in a tenth of the time without them.
  if (verb === 'backup') return (await import('../supervisor/backup/backup.ts')).backup(rest, env);
  endWhenUnread();
  if (verb === 'restore') {
    return (await import('../supervisor/backup/restore.ts')).restore(rest, env);
  }
  if (verb === 'up') return (await import('../supervisor/up.ts')).up(rest, env);
  if (verb === 'doctor') return (await import('../supervisor/doctor.ts')).doctor(rest, env);
  if (verb === 'login-link') {
    return (await import('../supervisor/login-link.ts')).loginLink(rest, env);
  }
  return runCommandLine(args, {
    ...{ terminal, connect, browse, readSecret, encryptionKey },
    environment: env,
  });
}

const readSecret = (prompt: string) => readSecretFrom(prompt, stdin, terminal.error);

const encryptionKey = {
  current: async () => (await keyFile()).currentEncryptionKey(readSettings()),
  add: async () => (await keyFile()).addEncryptionKey(readSettings()),
};
const keyFile = () => import('../supervisor/encryption-key.ts');

/** `labkeeper logs plot | head`: whoever reads no more has had enough. */
function endWhenUnread(): void {
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? exitCodes.ok : exitCodes.failed);
  });
}

async function connect(server: string | null) {
  if (server !== null && !URL.canParse(server)) {
    throw new UsageError(`--server ${server} is no URL, such as http://localhost:8080`);
  }
  const known = await knownServer();
  const baseUrl = server ?? known.url;
  const token = (await chosenToken(baseUrl)) ?? (server === null ? known.token : null);
  const door = { baseUrl, ...(token === null ? {} : { token }) };
  const patienceMs = readSettings().LABKEEPER_COMPLETION_MS;
  return {
    client: labkeeperClient(door),
    server: baseUrl,
    hurried: { client: labkeeperClient({ ...door, timeoutMs: patienceMs }), patienceMs },
  };
}

async function chosenToken(baseUrl: string): Promise<string | null> {
  return readSettings().LABKEEPER_TOKEN ?? (await keptToken(baseUrl, env));
}

/**
 * By settings first, then where `labkeeper up` last ran in this data folder, then the default. Who may read
 * the data folder is the operator of that machine: its internal secret opens its own address, and none else.
 */
async function knownServer(): Promise<{ url: string; token: string | null }> {
  const config = readSettings();
  const set = config.LABKEEPER_CONSOLE_URL ?? env['LABKEEPER_API_URL'];
  if (set !== undefined && set !== '') return { url: firstUrl(set), token: null };
  const addresses = await readAddresses(join(config.LABKEEPER_DATA, 'run'));
  if (addresses === null) {
    const { LABKEEPER_CONSOLE_PORT: console, LABKEEPER_APPS_PORT: apps } = config;
    return { url: publicUrls(config, { console, apps }).console, token: null };
  }
  // As it was started, whatever the settings of this terminal say.
  const secret = addresses.authentication === 'required' ? await readInternalToken(config) : null;
  return secret === null
    ? { url: addresses.consoleUrl, token: null }
    : { url: addresses.apiUrl, token: secret };
}

async function readInternalToken(config: Config): Promise<string | null> {
  const file = join(config.LABKEEPER_DATA, 'secrets', 'internal-token');
  return readFile(file, 'utf8').then(
    (text) => text.trim(),
    () => null,
  );
}

function readSettings() {
  try {
    return loadConfig(env);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

const terminal: Terminal = {
  out: (text) => void stdout.write(text),
  bytes: (chunk) =>
    stdout.write(chunk) ? Promise.resolve() : once(stdout, 'drain').then(() => undefined),
  error: (text) => void stderr.write(text),
  isInteractive: stderr.isTTY && stdin.isTTY,
  isOutputInteractive: stdout.isTTY,
  colors: stdout.isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
};

process.exitCode = await main(process.argv.slice(2));
