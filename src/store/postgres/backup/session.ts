import pg from 'pg';
import { connectionOptions } from '../database.ts';

export interface BackupDatabase {
  url: string;
  passwordFile?: string | undefined;
}

/**
 * A connection in a transaction that may last hours. What is copied in it is text that means the same
 * whatever the settings of server, database and role are.
 */
export async function beginSession(
  { url, passwordFile }: BackupDatabase,
  applicationName: string,
  begin: string,
): Promise<pg.Client> {
  const password = passwordFile === undefined ? {} : { passwordFile };
  const client = new pg.Client(connectionOptions({ url, applicationName, ...password }));
  // The failure also rejects the statement under way; without this it would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(begin);
    for (const [name, value] of Object.entries(settings)) {
      await client.query(`SET LOCAL ${name} = '${value}'`);
    }
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
}

const settings: Readonly<Record<string, string>> = {
  statement_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  lock_timeout: '30s',
  datestyle: 'ISO',
  intervalstyle: 'postgres',
  timezone: 'UTC',
  extra_float_digits: '3',
  bytea_output: 'hex',
};

export const quoted = (name: string): string => pg.escapeIdentifier(name);
