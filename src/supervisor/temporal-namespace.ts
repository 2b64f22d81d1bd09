import { Connection } from '@temporalio/client';

/** Temporal's numbers for types of search attributes. */
const types = { Keyword: 2, Bool: 5 } as const;

/** What pages and operators filter by. At most six: each costs a write whenever it changes. */
export const searchAttributes: Readonly<{ [name: string]: keyof typeof types }> = {
  Kind: 'Keyword',
  AppState: 'Keyword',
  Owner: 'Keyword',
  Host: 'Keyword',
  NeedsAttention: 'Bool',
};

/**
 * Resolves when the frontend at `address` serves the namespace and knows our search attributes,
 * registering what is missing. Idempotent. Rejects with the last failure at the deadline, or as soon
 * as `goOn` answers false.
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
      if (Date.now() > endsAtMs || !goOn()) throw error;
    }
    await new Promise((done) => setTimeout(done, 50));
  }
}

async function prepareOnce(address: string, namespace: string): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: 5_000 });
  try {
    await connection.withDeadline(Date.now() + 10_000, async () => {
      await connection.workflowService.describeNamespace({ namespace });
      const { customAttributes } = await connection.operatorService.listSearchAttributes({
        namespace,
      });
      const missing = Object.entries(searchAttributes).filter(([name]) => !customAttributes[name]);
      if (missing.length === 0) return;
      await connection.operatorService.addSearchAttributes({
        namespace,
        searchAttributes: Object.fromEntries(missing.map(([name, type]) => [name, types[type]])),
      });
    });
  } finally {
    await connection.close();
  }
}
