import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import type { DataFolder } from './data-folder.ts';
import { watchEngine, type Engine } from './engine.ts';
import { findFreePort } from './free-port.ts';
import { startPostgres, stopPostgres } from './postgres.ts';
import { startTemporal, stopTemporal } from './temporal.ts';
import { findTemporalCli, temporalCliRemedy } from './temporal-cli.mjs';

/** Where the embedded engines listen when nothing else does; theirs alone, so any will do. */
const embeddedPostgresPort = 15_432;
const embeddedTemporalPort = 7_233;
const embeddedTemporalUiPort = 8_233;
export interface EngineOptions {
  config: Config;
  environment: Readonly<Record<string, string | undefined>>;
  folder: DataFolder;
  log: Log;
  /** A sentence for whoever sits at the terminal. */
  say: (sentence: string) => void;
}

export interface Database {
  url: string;
  passwordFile: string | undefined;
}

export interface Temporal {
  address: string;
  uiUrl: string | null;
}

/** The database of the settings when they name one, else our own. */
export async function startDatabase(
  { config, environment, folder, log, say }: EngineOptions,
  undo: (() => Promise<void>)[],
): Promise<Database> {
  if (environment['LABKEEPER_DATABASE_URL']) {
    const passwordFile = config.LABKEEPER_DATABASE_PASSWORD_FILE;
    return { url: config.LABKEEPER_DATABASE_URL, passwordFile };
  }
  const beganMs = performance.now();
  let engine: Engine | null = null;
  undo.push(async () => {
    engine?.release();
    await stopPostgres(folder.postgres, log);
  });
  const start = async (wanted: number) => {
    const port = await findFreePort({ wanted, address: '127.0.0.1' });
    const passwordFile = folder.databasePassword;
    return startPostgres({ folder: folder.postgres, port, passwordFile, log });
  };
  const running = await start(embeddedPostgresPort);
  say(`  PostgreSQL ${howItCame(running.adopted, beganMs)}`);
  engine = watchEngine({
    ...{ name: 'PostgreSQL', pid: running.pid, say, log },
    start: async () => (await start(running.port)).pid,
  });
  return { url: running.url, passwordFile: running.passwordFile };
}

/** The Temporal Service of the settings when they name one, else a development server of our own. */
export async function startTemporalService(
  { config, environment, folder, log, say }: EngineOptions,
  undo: (() => Promise<void>)[],
): Promise<Temporal> {
  if (environment['TEMPORAL_ADDRESS']) {
    const uiUrl = config.LABKEEPER_TEMPORAL_UI_URL ?? null;
    return { address: config.TEMPORAL_ADDRESS, uiUrl };
  }
  const cli = findTemporalCli(environment);
  if (cli === null)
    throw new Error(`cannot start Temporal: there is no Temporal CLI. ${temporalCliRemedy}`);
  const beganMs = performance.now();
  let engine: Engine | null = null;
  undo.push(async () => {
    engine?.release();
    await stopTemporal(folder.temporal);
  });
  const start = (port: number, uiPort: number) =>
    startTemporal({ folder: folder.temporal, cli: cli.path, port, uiPort, log });
  const running = await start(embeddedTemporalPort, embeddedTemporalUiPort);
  say(`  Temporal ${howItCame(running.adopted, beganMs)}`);
  const [port, uiPort] = [running.address, running.uiUrl].map((url) =>
    Number(url.split(':').at(-1)),
  );
  engine = watchEngine({
    ...{ name: 'Temporal', pid: running.pid, say, log },
    start: async () => (await start(port ?? 0, uiPort ?? 0)).pid,
  });
  return { address: running.address, uiUrl: config.LABKEEPER_TEMPORAL_UI_URL ?? running.uiUrl };
}

/** For a terminal: `runs already`, `started in 1.2 s`. */
export function howItCame(adopted: boolean, beganMs: number): string {
  if (adopted) return 'runs already';
  return `started in ${((performance.now() - beganMs) / 1000).toFixed(1)} s`;
}
