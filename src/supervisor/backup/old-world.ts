import { Client, Connection } from '@temporalio/client';
import type { Config } from '../../config.ts';
import { LabError } from '../../model/failures.ts';
import { listProcesses, readProcFile } from '../../runtime/process/process-table.ts';
import { temporalConnection, type TemporalConnection } from '../../temporal-connection.ts';
import { markValue, markVariable } from '../../runtime/process/records.ts';

const answerMs = 10_000;

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
  refuseRunningApps(installation);
  if (environment['TEMPORAL_ADDRESS']) await refuseOpenWorkflows(config);
}

function refuseRunningApps(installation: string): void {
  const mark = `${markVariable}=${markValue(installation, '')}`;
  const pids = listProcesses()
    .filter(({ pid }) => isMarked(pid, mark))
    .map(({ pid }) => pid);
  if (pids.length === 0) return;
  throw new LabError(
    'conflict',
    `cannot restore: apps of this very installation still run on this machine, and their restored rows would know nothing of them; end them first: kill ${pids.join(' ')}`,
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
