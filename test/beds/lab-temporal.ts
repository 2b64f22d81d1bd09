import type { Log } from '../../src/log.ts';
import type { RunningPostgres } from '../../src/supervisor/postgres.ts';
import { findTemporalCli } from '../../src/supervisor/temporal-cli.mjs';
import {
  startTemporalServer,
  startTemporalUi,
  stopTemporalServer,
} from '../../src/supervisor/temporal-production.ts';
import { findTemporalServer } from '../../src/supervisor/temporal-server-programs.mjs';
import { startTemporal, stopTemporal } from '../../src/supervisor/temporal.ts';
import { setUp } from './set-up.ts';

/** A lab's own Temporal; a second start takes the same ports. */
export interface LabTemporal {
  start(): Promise<{ address: string; uiUrl: string }>;
  stop(): Promise<void>;
}

/** The engine of this run's set-up. The production one waits for its database. */
export function labTemporal(
  folder: string,
  database: Promise<RunningPostgres>,
  log: Log,
): LabTemporal {
  return setUp === 'production' ? onDatabase(folder, database, log) : onFile(folder, log);
}

function onFile(folder: string, log: Log): LabTemporal {
  let ports = { port: 0, uiPort: 0 };
  return {
    async start() {
      const cli = findTemporalCli(process.env)?.path ?? 'temporal';
      // Else a closed id starts again only after a second.
      const dynamicConfig = { 'history.workflowIdReuseMinimalInterval': '"0s"' };
      const running = await startTemporal({ folder, cli, ...ports, log, dynamicConfig });
      ports = { port: portOf(running.address), uiPort: portOf(running.uiUrl) };
      return running;
    },
    stop: () => stopTemporal(folder),
  };
}

function onDatabase(folder: string, database: Promise<RunningPostgres>, log: Log): LabTemporal {
  const { programs } = findTemporalServer(process.env);
  if (programs === null) throw new Error("guard by requirePart('temporal')");
  const { server, sqlTool, uiServer } = programs;
  const common = {
    ...{ folder, log, namespace: 'default', retentionDays: 1 },
    programs: { server: server.path, sqlTool: sqlTool.path, uiServer: uiServer.path },
    dynamicConfig: { 'history.workflowIdReuseMinimalInterval': '0s' },
  };
  let ports = { port: 0, uiPort: 0 };
  return {
    async start() {
      const { url, passwordFile } = await database;
      const temporal = { url, passwordFile, name: 'temporal' };
      const { address } = await startTemporalServer({
        ...{ ...common, database: temporal, port: ports.port },
      });
      const ui = await startTemporalUi({ ...common, temporalAddress: address, port: ports.uiPort });
      ports = { port: portOf(address), uiPort: portOf(ui.address) };
      return { address, uiUrl: `http://${ui.address}` };
    },
    stop: () => stopTemporalServer(folder),
  };
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}
