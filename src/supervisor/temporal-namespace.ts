import { Connection } from '@temporalio/client';
import { isLabError, LabError } from '../model/failures.ts';
import type { TemporalConnection } from '../temporal-connection.ts';
import { searchAttributes } from '../workflows/search-attributes.ts';

/** Temporal's numbers for types of search attributes. */
const types = { Keyword: 2, Bool: 5 } as const;
const names = Object.values(searchAttributes).map(({ name }) => name);
/** gRPC's numbers for what only another role, or no caller at all, may do. */
const refusals: readonly unknown[] = [7, 12];

/**
 * Resolves when the frontend serves the namespace and knows our search attributes,
 * registering what is missing. Idempotent. Rejects with the last failure at the deadline, or as soon
 * as `goOn` answers false; at once with `conflict` when somebody else registered one of our
 * attributes with another type, since each workflow would hang on it.
 */
export async function prepareNamespace(options: {
  connection: TemporalConnection;
  namespace: string;
  deadlineMs: number;
  goOn?: () => boolean;
}): Promise<void> {
  const { connection, namespace, deadlineMs, goOn = () => true } = options;
  const endsAtMs = Date.now() + deadlineMs;
  for (;;) {
    try {
      await prepareOnce(connection, namespace);
      return;
    } catch (error) {
      if (Date.now() > endsAtMs || !goOn() || isLabError(error)) throw error;
    }
    await new Promise((done) => setTimeout(done, 50));
  }
}

async function prepareOnce(to: TemporalConnection, namespace: string): Promise<void> {
  const connection = await Connection.connect({ ...to, connectTimeout: 5_000 }).catch((error) => {
    throw unreached(to, error);
  });
  try {
    await connection.withDeadline(Date.now() + 10_000, async () => {
      await connection.workflowService.describeNamespace({ namespace });
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
    if (!(cause instanceof Error && 'code' in cause && refusals.includes(cause.code))) throw cause;
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
