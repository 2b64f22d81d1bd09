import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { inject } from 'vitest';

export interface TemporalBed {
  client: Client;
  nativeConnection: NativeConnection;
  namespace: string;
  address: string;
  close(): Promise<void>;
}

/**
 * Connects to the run's one Temporal server (test/beds/temporal-setup.ts). Tests share it: each uses
 * its own workflow ids and task queues.
 */
export async function connectTemporal(): Promise<TemporalBed> {
  const address = inject('temporalAddress');
  if (address === null) {
    throw new Error("no Temporal server in this run: guard the suite by requirePart('temporal')");
  }
  const nativeConnection = await NativeConnection.connect({ address });
  const connection = await Connection.connect({ address });
  return {
    client: new Client({ connection }),
    nativeConnection,
    namespace: 'default',
    address,
    async close() {
      await nativeConnection.close();
      await connection.close();
    },
  };
}
