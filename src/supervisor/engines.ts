import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { isLabError } from '../model/failures.ts';
import type { DataFolder } from './data-folder.ts';
import { watchEngine, type Engine } from './engine.ts';
import { findFreePort } from './free-port.ts';
import { startPostgres, stopPostgres } from './postgres.ts';
import { findTemporalCli, temporalCliRemedy } from './temporal-cli.mjs';
import {
  startTemporalServer,
  startTemporalUi,
  stopTemporalServer,
  type RunningServer,
} from './temporal-production.ts';
import { findTemporalServer, temporalServerRemedy } from './temporal-server-programs.mjs';
import { startTemporal, stopTemporal } from './temporal.ts';
import { productionFolder, settleWay } from './temporal-way.ts';

/** Where the embedded engines listen when nothing else does; theirs alone, so any will do. */
const embeddedPostgresPort = 15_432;
const embeddedTemporalPort = 7_233;
const embeddedTemporalUiPort = 8_233;
/** The production server has pools of its own, beside those of our processes. */
const productionConnections = '200';

export interface EngineOptions {
  config: Config;
  environment: Readonly<Record<string, string | undefined>>;
  folder: DataFolder;
  /** Temporal runs as a server on the database instead of the development server. */
  production: boolean;
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

/** What has to be undone, last first, so that nothing is left running. */
export type Undo = (() => Promise<void>)[];

/** The database of the settings when they name one, else our own. */
export async function startDatabase(
  { config, environment, folder, production, log, say }: EngineOptions,
  undo: Undo,
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
  const start = (wanted: number) =>
    againOnConflict(async () => {
      const port = await findFreePort({ wanted, address: '127.0.0.1' });
      const passwordFile = folder.databasePassword;
      const settings: Record<string, string> = production
        ? { max_connections: productionConnections }
        : {};
      return startPostgres({ folder: folder.postgres, port, passwordFile, settings, log });
    });
  const running = await start(embeddedPostgresPort);
  say(`  PostgreSQL ${howItCame(running.adopted, beganMs)}`);
  engine = watchEngine({
    ...{ name: 'PostgreSQL', pid: running.pid, say, log },
    start: async () => (await start(running.port)).pid,
  });
  return { url: running.url, passwordFile: running.passwordFile };
}

/**
 * The Temporal Service of the settings when they name one, else one of our own: the server on the
 * database, which it waits for, or the development server.
 */
export async function startTemporalService(
  options: EngineOptions,
  database: Promise<Database>,
  undo: Undo,
): Promise<Temporal> {
  const { config, environment, folder, production, say } = options;
  if (environment['TEMPORAL_ADDRESS']) {
    const uiUrl = config.LABKEEPER_TEMPORAL_UI_URL ?? null;
    return { address: config.TEMPORAL_ADDRESS, uiUrl };
  }
  await settleWay(folder.temporal, production ? 'production' : 'development', say);
  return production
    ? startOnDatabase(options, database, undo)
    : startDevelopmentServer(options, undo);
}

async function startDevelopmentServer(
  { config, environment, folder, log, say }: EngineOptions,
  undo: Undo,
): Promise<Temporal> {
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
    againOnConflict(() =>
      startTemporal({ folder: folder.temporal, cli: cli.path, port, uiPort, log }),
    );
  const running = await start(embeddedTemporalPort, embeddedTemporalUiPort);
  say(`  Temporal ${howItCame(running.adopted, beganMs)}`);
  const [port, uiPort] = [portOf(running.address), portOf(running.uiUrl)];
  engine = watchEngine({
    ...{ name: 'Temporal', pid: running.pid, say, log },
    start: async () => (await start(port, uiPort)).pid,
  });
  return { address: running.address, uiUrl: config.LABKEEPER_TEMPORAL_UI_URL ?? running.uiUrl };
}

async function startOnDatabase(
  { config, environment, folder, log, say }: EngineOptions,
  database: Promise<Database>,
  undo: Undo,
): Promise<Temporal> {
  const { programs, missing } = findTemporalServer(environment);
  if (programs === null) {
    throw new Error(
      `cannot start Temporal: there is no ${missing.join(' and no ')}. ${temporalServerRemedy}`,
    );
  }
  const engines: Engine[] = [];
  const home = productionFolder(folder.temporal);
  const { url, passwordFile } = await database;
  const beganMs = performance.now();
  undo.push(async () => {
    for (const engine of engines) engine.release();
    await stopTemporalServer(home);
  });
  const options = {
    ...{ folder: home, log, namespace: config.TEMPORAL_NAMESPACE },
    programs: {
      server: programs.server.path,
      sqlTool: programs.sqlTool.path,
      uiServer: programs.uiServer.path,
    },
  };
  const keep = async (
    name: string,
    firstPort: number,
    start: (port: number) => Promise<RunningServer>,
  ): Promise<RunningServer> => {
    const running = await againOnConflict(() => start(firstPort));
    const port = portOf(running.address);
    const again = async () => (await againOnConflict(() => start(port))).pid;
    engines.push(watchEngine({ name, pid: running.pid, say, log, start: again }));
    return running;
  };
  const server = await keep('Temporal', embeddedTemporalPort, (port) =>
    startTemporalServer({
      ...{ ...options, port, retentionDays: config.LABKEEPER_TEMPORAL_RETENTION_DAYS },
      database: { url, passwordFile, name: config.LABKEEPER_TEMPORAL_DATABASE },
    }),
  );
  say(`  Temporal on PostgreSQL ${howItCame(server.adopted, beganMs)}`);
  const ui = await keep('the Temporal Web UI', embeddedTemporalUiPort, (port) =>
    startTemporalUi({ ...options, port, temporalAddress: server.address }),
  );
  return {
    address: server.address,
    uiUrl: config.LABKEEPER_TEMPORAL_UI_URL ?? `http://${ui.address}`,
  };
}

/** Between the look for a free port and its use another start may take it: each try looks anew. */
async function againOnConflict<Result>(start: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await start();
    } catch (error) {
      if (tries === 5 || !isLabError(error) || error.type !== 'conflict') throw error;
    }
  }
}

/** For a terminal: `runs already`, `started in 1.2 s`. */
export function howItCame(adopted: boolean, beganMs: number): string {
  if (adopted) return 'runs already';
  return `started in ${((performance.now() - beganMs) / 1000).toFixed(1)} s`;
}

function portOf(address: string): number {
  return Number(address.split(':').at(-1));
}
