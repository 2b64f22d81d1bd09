import { execFile } from 'node:child_process';
import pg from 'pg';
import type { Log } from '../log.ts';
import { LabError } from '../model/failures.ts';
import { connectionOptions } from '../store/postgres/database.ts';
import { parseDatabaseUrl } from '../store/postgres/database-url.ts';

/** Where Temporal's own databases are: on the server of `url`, beside the one that it names. */
export interface TemporalDatabase {
  url: string;
  passwordFile: string | undefined;
  /** Name of the one for workflows; that for searching is named after it. */
  name: string;
}

/** The tool alone takes this long at most, on a disk that is busy. */
const toolTimeoutMs = 120_000;
const duplicateDatabase = '42P04';
const notAllowed = '42501';

/** Both databases with the schema that each has. */
export function temporalDatabases(name: string): { name: string; schema: string }[] {
  return [
    { name, schema: 'temporal' },
    { name: `${name}_visibility`, schema: 'visibility' },
  ];
}

/**
 * Makes Temporal's databases and brings their tables to the version of the SQL tool. Idempotent; an
 * interrupted one is taken up where it was. Throws `invalid` with the remedy when the role may not
 * make databases, and the tool's own words when it fails.
 */
export async function prepareTemporalSchema(
  database: TemporalDatabase,
  sqlTool: string,
  log: Log,
): Promise<void> {
  for (const { name, schema } of temporalDatabases(database.name)) {
    await makeDatabase(database, name);
    const run = (...args: string[]) => runTool(database, name, sqlTool, args, log);
    if (!(await hasVersions(database, name))) await run('setup-schema', '--version', '0.0');
    await run('update-schema', '--schema-name', `postgresql/v12/${schema}`);
  }
}

/** The password of the database, from its file or the URL. */
export async function passwordOf(database: TemporalDatabase): Promise<string> {
  const { password } = optionsFor(database);
  return typeof password === 'function' ? password() : (password ?? '');
}

async function makeDatabase(database: TemporalDatabase, name: string): Promise<void> {
  await withClient(optionsFor(database), async (client) => {
    const { rows } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
    if (rows.length > 0) return;
    try {
      await client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)} TEMPLATE template0`);
    } catch (cause) {
      const code = cause instanceof pg.DatabaseError ? cause.code : undefined;
      if (code === duplicateDatabase) return;
      if (code !== notAllowed) throw cause;
      const names = temporalDatabases(database.name).map((one) => one.name);
      throw new LabError(
        'invalid',
        `cannot make the database ${name} for Temporal: the role of LABKEEPER_DATABASE_URL may not; make ${names.join(' and ')} with that role as their owner, or let it: ALTER ROLE … CREATEDB`,
        { cause },
      );
    }
  });
}

async function hasVersions(database: TemporalDatabase, name: string): Promise<boolean> {
  return withClient({ ...optionsFor(database), database: name }, async (client) => {
    const { rows } = await client.query<{ found: string | null }>(
      "SELECT to_regclass('schema_version') AS found",
    );
    return rows[0]?.found !== null;
  });
}

function optionsFor(database: TemporalDatabase): pg.ClientConfig {
  const { url, passwordFile } = database;
  const applicationName = 'labkeeper supervisor';
  return connectionOptions({
    ...{ url, applicationName },
    ...(passwordFile === undefined ? {} : { passwordFile }),
  });
}

async function withClient<Result>(
  options: pg.ClientConfig,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client(options);
  // A connection that breaks also rejects the query; without this it would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Everything it needs comes by its environment: the password must not stand in its arguments. */
async function runTool(
  database: TemporalDatabase,
  name: string,
  sqlTool: string,
  args: readonly string[],
  log: Log,
): Promise<void> {
  const { host, port, user, encryption } = parseDatabaseUrl(database.url);
  const environment = {
    ...{ SQL_PLUGIN: 'postgres12', SQL_HOST: host, SQL_PORT: String(port), SQL_USER: user },
    ...{ SQL_PASSWORD: await passwordOf(database), SQL_DATABASE: name },
    ...(encryption === null
      ? {}
      : {
          SQL_TLS: 'true',
          SQL_TLS_DISABLE_HOST_VERIFICATION: String(encryption.proof !== 'name'),
          ...(encryption.caFile === null ? {} : { SQL_TLS_CA_FILE: encryption.caFile }),
          ...(encryption.certFile === null ? {} : { SQL_TLS_CERT_FILE: encryption.certFile }),
          ...(encryption.keyFile === null ? {} : { SQL_TLS_KEY_FILE: encryption.keyFile }),
        }),
  };
  const { failed, output } = await runProgram(sqlTool, args, environment);
  if (!failed) {
    log.debug({ database: name, args }, 'the SQL tool of Temporal has run');
    return;
  }
  const words = output.trim().split('\n').slice(-5).join('\n');
  throw new Error(
    `cannot bring the database ${name} to the version that Temporal needs: ${sqlTool} ${args.join(' ')} failed:\n${words}`,
  );
}

function runProgram(
  program: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ failed: boolean; output: string }> {
  return new Promise((done) => {
    const options = { env, timeout: toolTimeoutMs, maxBuffer: 16 * 1024 * 1024 };
    execFile(program, args, options, (error, stdout, stderr) => {
      const output = `${stdout}${stderr}`;
      done({ failed: error !== null, output: output.trim() || (error?.message ?? '') });
    });
  });
}
