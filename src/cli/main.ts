import { join } from 'node:path';
import { labkeeperClient } from '../client/index.ts';
import { loadConfig } from '../config.ts';
import { readAddresses } from '../supervisor/addresses.ts';
import { browse } from './browse.ts';
import { runCommandLine } from './command-line.ts';
import { exitCodes, UsageError } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

const { env, stdin, stdout, stderr } = process;

// `labkeeper logs plot | head`: whoever reads no more has had enough.
stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? exitCodes.ok : exitCodes.failed);
});

async function main(args: readonly string[]): Promise<number> {
  const [verb, ...rest] = args;
  // Loaded when asked for: the other verbs start in a tenth of the time without them.
  if (verb === 'up') return (await import('../supervisor/up.ts')).up(rest, env);
  if (verb === 'doctor') return (await import('../supervisor/doctor.ts')).doctor(rest, env);
  return runCommandLine(args, { terminal, connect, browse });
}

async function connect(server: string | null) {
  if (server !== null && !URL.canParse(server)) {
    throw new UsageError(`--server ${server} is no URL, such as http://localhost:8080`);
  }
  return labkeeperClient({ baseUrl: server ?? (await knownServer()) });
}

/** By settings first, then where `labkeeper up` last ran in this data folder, then the default. */
async function knownServer(): Promise<string> {
  const config = readSettings();
  const set = config.LABKEEPER_CONSOLE_URL ?? env['LABKEEPER_API_URL'];
  if (set !== undefined && set !== '') return set;
  const addresses = await readAddresses(join(config.LABKEEPER_DATA, 'run'));
  return addresses?.consoleUrl ?? `http://localhost:${config.LABKEEPER_CONSOLE_PORT}`;
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
  error: (text) => void stderr.write(text),
  isInteractive: stderr.isTTY && stdin.isTTY,
  colors: stdout.isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
};

process.exitCode = await main(process.argv.slice(2));
