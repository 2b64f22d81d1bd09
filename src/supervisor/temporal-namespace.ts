import { Connection } from '@temporalio/client';
import { isLabError, LabError } from '../model/failures.ts';
import { searchAttributes } from '../workflows/search-attributes.ts';

/** Temporal's numbers for types of search attributes. */
const types = { Keyword: 2, Bool: 5 } as const;
const names = Object.values(searchAttributes).map(({ name }) => name);

/**
 * Resolves when the frontend at `address` serves the namespace and knows our search attributes,
 * registering what is missing. Idempotent. Rejects with the last failure at the deadline, or as soon
 * as `goOn` answers false; at once with `conflict` when somebody else registered one of our
 * attributes with another type, since each workflow would hang on it.
 */
export async function prepareNamespace(options: {
  address: string;
  namespace: string;
  deadlineMs: number;
  goOn?: () => boolean;
}): Promise<void> {
  const { address, namespace, deadlineMs, goOn = () => true } = options;
  const endsAtMs = Date.now() + deadlineMs;
  for (;;) {
    try {
      await prepareOnce(address, namespace);
      return;
    } catch (error) {
      if (Date.now() > endsAtMs || !goOn() || isLabError(error)) throw error;
    }
    await new Promise((done) => setTimeout(done, 50));
  }
}

async function prepareOnce(address: string, namespace: string): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: 5_000 });
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
      if (missing.length === 0) return;
      await connection.operatorService.addSearchAttributes({
        namespace,
        searchAttributes: Object.fromEntries(missing.map((name) => [name, types.Keyword])),
      });
    });
  } finally {
    await connection.close();
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
