import { readFile } from 'node:fs/promises';
import pg from 'pg';
import type { Log } from '../../log.ts';
import { parseDatabaseUrl, tlsOptions } from './database-url.ts';
import { breaksConnection, isWorthRepeating, meaningOf } from './failures.ts';

export type Row = Record<string, unknown>;

/** One statement. `attempt` is a clause for errors: `find app/plot`. */
export type Query = <Result extends Row>(
  attempt: string,
  sql: string,
  values?: readonly unknown[],
) => Promise<Result[]>;

/** What statements run on: a pool, whose errors are translated. */
export interface Database {
  query: Query;
  /** All or nothing. Repeated by itself when PostgreSQL chose it as the loser of a deadlock. */
  transaction<Result>(attempt: string, work: (query: Query) => Promise<Result>): Promise<Result>;
  /** A client of its own, connected, for LISTEN. */
  connect(): Promise<pg.Client>;
  /** Connections of the pool now. */
  connections(): { busy: number; idle: number; waiting: number };
  log: Log;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  url: string;
  /** Read at each new connection, so that a changed password needs no restart. */
  passwordFile?: string;
  poolSize: number;
  applicationName: string;
  log: Log;
}

const statementTimeoutMs = 10_000;

/** Connects when first used, so that a process starts although the database is down. */
export function openDatabase(options: DatabaseOptions): Database {
  const { log } = options;
  const connection = connectionOptions(options);
  const pool = new pg.Pool({
    ...connection,
    max: options.poolSize,
    idleTimeoutMillis: 60_000,
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: statementTimeoutMs,
    lock_timeout: statementTimeoutMs / 2,
    // The last resort when the server's machine is gone: the server cannot end the statement.
    query_timeout: statementTimeoutMs + 2000,
  });
  // Only its words: the driver hangs the whole client onto the error.
  pool.on('error', ({ message }) => log.info({ why: message }, 'idle database connection lost'));

  return {
    log,
    query: (attempt, sql, values = []) =>
      repeated(attempt, async () => (await pool.query(sql, [...values])).rows),
    transaction: (attempt, work) => repeated(attempt, () => once(pool, work)),
    async connect() {
      const client = new pg.Client({ ...connection, query_timeout: statementTimeoutMs });
      // Whoever takes the client over hears of its end; until then the promise does.
      client.on('error', () => undefined);
      await client.connect();
      return client;
    },
    connections: () => ({
      busy: pool.totalCount - pool.idleCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount,
    }),
    close: () => pool.end(),
  };
}

/** What every client of ours says to `pg`. */
export function connectionOptions(
  options: Pick<DatabaseOptions, 'url' | 'passwordFile' | 'applicationName'>,
): pg.ClientConfig {
  const { passwordFile } = options;
  const { host, port, user, password, database, encryption } = parseDatabaseUrl(options.url);
  return {
    ...{ host, port, user, database },
    password:
      passwordFile === undefined
        ? password
        : async () => (await readFile(passwordFile, 'utf8')).trim(),
    ssl: tlsOptions(host, encryption),
    application_name: options.applicationName,
    connectionTimeoutMillis: 3000,
    keepAlive: true,
  };
}

/** Three tries for losers of a deadlock, then the error's meaning. */
async function repeated<Result>(attempt: string, act: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await act();
    } catch (error) {
      if (tries < 3 && isWorthRepeating(error)) continue;
      throw meaningOf(error, attempt);
    }
  }
}

async function once<Result>(
  pool: pg.Pool,
  work: (query: Query) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  let broken = false;
  // A connection that is cut between two statements has nobody else to tell: unheard, it would end the process.
  const lost = () => {
    broken = true;
  };
  client.on('error', lost);
  try {
    await client.query('BEGIN');
    const result = await work(queryOn(client));
    await client.query('COMMIT');
    return result;
  } catch (error) {
    broken = broken || breaksConnection(error) || !(await rolledBack(client));
    throw error;
  } finally {
    client.off('error', lost);
    client.release(broken);
  }
}

/** Statements on one connection, whose errors stay as they are: whoever holds it translates them. */
export function queryOn(client: pg.ClientBase): Query {
  return async (_attempt, sql, values = []) => (await client.query(sql, [...values])).rows;
}

async function rolledBack(client: pg.PoolClient): Promise<boolean> {
  return client.query('ROLLBACK').then(
    () => true,
    () => false,
  );
}
