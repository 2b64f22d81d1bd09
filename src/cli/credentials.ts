import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** What `labkeeper login` keeps, by address of the server. Nobody but its owner may read the file. */
interface Credentials {
  servers: Record<string, { token: string; person: string; expiresAt: string }>;
}

type Environment = Readonly<Record<string, string | undefined>>;

const fileOf = (environment: Environment): string =>
  join(
    environment['XDG_CONFIG_HOME'] || join(homedir(), '.config'),
    'labkeeper',
    'credentials.json',
  );

/** The token kept for a server; null without one, or when it has expired. */
export async function keptToken(server: string, environment: Environment): Promise<string | null> {
  const kept = (await readCredentials(environment)).servers[originOf(server)];
  return kept === undefined || Date.parse(kept.expiresAt) <= Date.now() ? null : kept.token;
}

/** Keeps a token, in place of the one before it. */
export async function keepToken(
  server: string,
  credential: Credentials['servers'][string],
  environment: Environment,
): Promise<string> {
  const { servers } = await readCredentials(environment);
  const file = fileOf(environment);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const next: Credentials = { servers: { ...servers, [originOf(server)]: credential } };
  const fresh = `${file}.${process.pid}`;
  await writeFile(fresh, `${JSON.stringify(next, null, 2)}\n`, { mode: 0o600 });
  await chmod(fresh, 0o600);
  await rename(fresh, file);
  return file;
}

/** Forgets all tokens; success when there were none. */
export async function forgetTokens(environment: Environment): Promise<void> {
  await rm(fileOf(environment), { force: true });
}

async function readCredentials(environment: Environment): Promise<Credentials> {
  const file = fileOf(environment);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return { servers: {} };
  try {
    return JSON.parse(text) as Credentials;
  } catch (error) {
    throw new Error(`cannot read ${file}: ${String(error)}; remove it and log in again`, {
      cause: error,
    });
  }
}

const originOf = (server: string): string => new URL(server).origin;
