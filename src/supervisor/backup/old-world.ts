import { tmpdir } from 'node:os';
import { Client, Connection } from '@temporalio/client';
import type { Config } from '../../config.ts';
import { chooseRuntimes } from '../../choose-runtimes.ts';
import { createLog } from '../../log.ts';
import { isLabError, LabError } from '../../model/failures.ts';
import { labels } from '../../model/instance-labels.ts';
import type { Instance } from '../../runtime/containers.ts';
import { listProcesses, readProcFile } from '../../runtime/process/process-table.ts';
import { beginSession, type BackupDatabase } from '../../store/postgres/backup/session.ts';
import { temporalConnection, type TemporalConnection } from '../../temporal-connection.ts';
import { markValue, markVariable } from '../../runtime/process/records.ts';

const answerMs = 10_000;
const log = createLog({ process: 'restore', level: 'silent' });

/**
 * What the installation of the backup left elsewhere would meet its restored rows: workflows that
 * remember a later life, apps that run and that nobody would ever end. Throws `conflict` that says how to
 * end them.
 */
export async function refuseOldWorld(
  config: Config,
  environment: Readonly<Record<string, string | undefined>>,
  installation: string,
): Promise<void> {
  refuseRunningCommands(installation);
  await refuseRunningContainers(config, installation);
  if (environment['TEMPORAL_ADDRESS']) await refuseOpenWorkflows(config);
  else if (environment['LABKEEPER_DATABASE_URL']) await refuseTemporalDatabase(config);
}

function refuseRunningCommands(installation: string): void {
  const mark = `${markVariable}=${markValue(installation, '')}`;
  const pids = listProcesses()
    .filter(({ pid }) => isMarked(pid, mark))
    .map(({ pid }) => pid);
  if (pids.length === 0) return;
  throw stillRuns(`kill ${pids.join(' ')}`);
}

/** Each of two labkeepers on one engine would remove the containers of the other as nobody's. */
async function refuseRunningContainers(config: Config, installation: string): Promise<void> {
  const { docker } = chooseRuntimes({ config, installation, folder: tmpdir(), log }).runtimes;
  if (docker === undefined) return;
  const running = (await docker.list().catch(nothingIfAway)).filter(
    ({ phase }) => phase !== 'exited',
  );
  if (running.length === 0) return;
  const filter = `label=${labels.installation}=${installation}`;
  throw stillRuns(`docker rm -f $(docker ps -aq --filter ${filter})`);
}

/** An engine that does not answer runs nothing that anybody could meet. */
function nothingIfAway(error: unknown): Instance[] {
  if (isLabError(error) && error.type === 'runtime_unavailable') return [];
  throw error;
}

function stillRuns(remedy: string): LabError {
  return new LabError(
    'conflict',
    `cannot restore: apps of this very installation still run on this machine, and their restored rows would know nothing of them; end them first: ${remedy}`,
  );
}

function isMarked(pid: number, mark: string): boolean {
  const variables = readProcFile(pid, 'environ')?.toString('latin1').split('\0') ?? [];
  return variables.some((variable) => variable.startsWith(mark));
}

async function refuseOpenWorkflows(config: Config): Promise<void> {
  const { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace } = config;
  const connection = temporalConnection(config);
  const query = "ExecutionStatus = 'Running' AND WorkflowType != 'repair'";
  const count = await countWorkflows(connection, namespace, query).catch((error: unknown) => {
    throw new Error(
      `cannot restore: Temporal at ${address} does not say whether it has workflows of an earlier life (${String(error)}); start it, or name another by TEMPORAL_ADDRESS`,
      { cause: error },
    );
  });
  if (count === 0) return;
  throw new LabError(
    'conflict',
    `cannot restore: Temporal at ${address} still has ${count} workflows of an earlier life; use an empty namespace, or end them: temporal workflow terminate --address ${address} --namespace ${namespace} --query "${query}"`,
  );
}

/** What `up --production` kept beside the old database, on a server that outlived it. */
async function refuseTemporalDatabase(config: Config): Promise<void> {
  const url = new URL(config.LABKEEPER_DATABASE_URL);
  const { LABKEEPER_TEMPORAL_DATABASE: name, LABKEEPER_DATABASE_PASSWORD_FILE: passwordFile } =
    config;
  const visibility = `${name}_visibility`;
  url.pathname = `/${visibility}`;
  const count = await countRunning({ url: url.href, passwordFile }).catch((error: unknown) => {
    if (isAbsent(error)) return 0;
    throw new Error(
      `cannot restore: the database ${visibility} does not say whether it has workflows of an earlier life (${String(error)})`,
      { cause: error },
    );
  });
  if (count === 0) return;
  throw new LabError(
    'conflict',
    `cannot restore: Temporal's databases on that server still have ${count} workflows of an earlier life; drop them (DROP DATABASE ${name}; DROP DATABASE ${visibility}), or name others by LABKEEPER_TEMPORAL_DATABASE`,
  );
}

/** By Temporal's own table for searching; 1 is running. */
async function countRunning(database: BackupDatabase): Promise<number> {
  const client = await beginSession(database, 'labkeeper restore', 'BEGIN READ ONLY');
  try {
    const { rows } = await client.query<{ count: number }>(
      `SELECT count(*)::integer AS count FROM executions_visibility
       WHERE status = 1 AND workflow_type_name <> 'repair'
         AND workflow_type_name NOT LIKE 'temporal-sys-%'`,
    );
    return rows[0]?.count ?? 0;
  } finally {
    await client.end();
  }
}

/** No such database, no such table in it. */
function isAbsent(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return code === '3D000' || code === '42P01';
}

async function countWorkflows(
  to: TemporalConnection,
  namespace: string,
  query: string,
): Promise<number> {
  const connection = await Connection.connect({ ...to, connectTimeout: answerMs });
  try {
    const client = new Client({ connection, namespace });
    const { count } = await connection.withDeadline(Date.now() + answerMs, () =>
      client.workflow.count(query),
    );
    return count;
  } finally {
    await connection.close();
  }
}
