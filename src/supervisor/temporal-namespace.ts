import { Connection } from '@temporalio/client';
import { isLabError, LabError } from '../model/failures.ts';
import type { TemporalConnection } from '../temporal-connection.ts';
import { searchAttributes } from '../workflows/search-attributes.ts';

/** Temporal's numbers for types of search attributes. */
const types = { Keyword: 2, Bool: 5 } as const;
const names = Object.values(searchAttributes).map(({ name }) => name);
/** gRPC's numbers: there is none; what only another role, or no caller at all, may do. */
const notFound = 5;
const refusals = [7, 12];

/**
 * Resolves when the frontend serves the namespace and knows our search attributes,
 * registering what is missing. With `retentionDays` the namespace is ours: it is made when it is not
 * there, and keeps workflows that are over for so long. Idempotent. Rejects with the last failure at the deadline, or as soon
 * as `goOn` answers false; at once with `conflict` when somebody else registered one of our
 * attributes with another type, since each workflow would hang on it.
 */
export async function prepareNamespace(options: {
  connection: TemporalConnection;
  namespace: string;
  deadlineMs: number;
  retentionDays?: number;
  goOn?: () => boolean;
}): Promise<void> {
  const { connection, namespace, deadlineMs, retentionDays, goOn = () => true } = options;
  const endsAtMs = Date.now() + deadlineMs;
  for (;;) {
    try {
      await prepareOnce(connection, namespace, retentionDays);
      return;
    } catch (error) {
      if (Date.now() > endsAtMs || !goOn() || isLabError(error)) throw error;
    }
    await new Promise((done) => setTimeout(done, 50));
  }
}

async function prepareOnce(
  to: TemporalConnection,
  namespace: string,
  retentionDays: number | undefined,
): Promise<void> {
  const connection = await Connection.connect({
    ...to,
    connectTimeout: 5_000,
    // By default a server that does not listen yet is tried again only after a second.
    channelArgs: { 'grpc.initial_reconnect_backoff_ms': 100 },
  }).catch((error) => {
    throw unreached(to, error);
  });
  try {
    await connection.withDeadline(Date.now() + 10_000, async () => {
      if (retentionDays === undefined) {
        await connection.workflowService.describeNamespace({ namespace });
      } else await keepNamespace(connection, namespace, retentionDays);
      await forgetFirstAttention(connection, namespace);
      const known = await registered(connection, namespace);
      const foreign = names.filter((name) => (known[name] ?? types.Keyword) !== types.Keyword);
      if (foreign.length > 0) {
        throw new LabError(
          'conflict',
          `cannot use namespace ${namespace} of Temporal: its search attributes ${foreign.join(', ')} have another type than Keyword; use a namespace of labkeeper’s own (TEMPORAL_NAMESPACE)`,
        );
      }
      const missing = names.filter((name) => known[name] === undefined);
      if (missing.length > 0) await register(connection, namespace, missing);
    });
  } finally {
    await connection.close();
  }
}

/** Registers the namespace, or gives it another retention when the setting has changed. */
async function keepNamespace(
  { workflowService }: Connection,
  namespace: string,
  retentionDays: number,
): Promise<void> {
  const seconds = retentionDays * 86_400;
  const workflowExecutionRetentionTtl = { seconds: seconds as never };
  const known = await workflowService.describeNamespace({ namespace }).catch((error: unknown) => {
    if (hasCode(error, [notFound])) return null;
    throw error;
  });
  if (known === null) {
    await workflowService.registerNamespace({
      namespace,
      description: 'labkeeper',
      workflowExecutionRetentionPeriod: workflowExecutionRetentionTtl,
    });
    return;
  }
  if (Number(known.config?.workflowExecutionRetentionTtl?.seconds) === seconds) return;
  await workflowService.updateNamespace({ namespace, config: { workflowExecutionRetentionTtl } });
}

/** The client's own sentence has no reason in it, and about certificates it knows none. */
function unreached({ address, tls }: TemporalConnection, error: unknown): Error {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const why = cause instanceof Error ? cause.message.split('\n', 1)[0] : String(cause);
  const hint =
    tls === undefined
      ? ''
      : '; over TLS this is also how a certificate ends that is not believed: see TEMPORAL_TLS_CA, TEMPORAL_TLS_SERVER_NAME and, for our own, TEMPORAL_TLS_CERT';
  return new Error(`cannot reach Temporal at ${address}: ${why}${hint}`, { cause: error });
}

/** A hosted service may keep this to its own tools: then somebody has to be told. */
async function register(
  connection: Connection,
  namespace: string,
  missing: readonly string[],
): Promise<void> {
  try {
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map((name) => [name, types.Keyword])),
    });
  } catch (cause) {
    if (!hasCode(cause, refusals)) throw cause;
    throw new LabError(
      'invalid',
      `cannot register the search attributes ${missing.join(', ')} in namespace ${namespace}, which Temporal does not let this login do: register them as Keyword with the tools of that service, then start again`,
      { cause },
    );
  }
}

/** The first version registered it as Bool and never wrote it, so nothing is lost. */
async function forgetFirstAttention(connection: Connection, namespace: string): Promise<void> {
  const { name } = searchAttributes.needsAttention;
  if ((await registered(connection, namespace))[name] !== types.Bool) return;
  await connection.operatorService.removeSearchAttributes({ namespace, searchAttributes: [name] });
}

/** Types of the attributes that the namespace has beyond Temporal's own, by name. */
async function registered(
  connection: Connection,
  namespace: string,
): Promise<{ [name: string]: number }> {
  const answer = await connection.operatorService.listSearchAttributes({ namespace });
  return answer.customAttributes;
}

function hasCode(error: unknown, codes: readonly number[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(Number(error.code));
}
