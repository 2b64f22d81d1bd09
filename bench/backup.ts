import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { build } from '../scripts/build.mjs';
import { createLog } from '../src/log.ts';
import { connectionOptions } from '../src/store/postgres/database.ts';
import { migrate } from '../src/store/postgres/migrate.ts';
import { startPostgres, stopPostgres } from '../src/supervisor/postgres.ts';
import { against, round, type Bench } from './measure.ts';

const apps = 1_000;
const events = 100_000;
const files = 2_000;
const fileBytes = 100_000;
const root = join(import.meta.dirname, '..');
const log = createLog({ process: 'bench', level: 'silent' });

/** A backup and a restore of rows alone, and of a volume beside `tar | gzip` on the same files. */
export const bench: Bench = async ({ say }) => {
  await build();
  const folder = await mkdtemp(join(tmpdir(), 'labkeeper-bench-backup-'));
  await chmod(folder, 0o755);
  const data = join(folder, 'data');
  const passwordFile = join(folder, 'password');
  await mkdir(join(data, 'volumes'), { recursive: true });
  await writeFile(join(data, 'VERSION'), '1\n');
  const postgres = join(folder, 'postgres');
  try {
    const { url } = await startPostgres({ folder: postgres, port: 0, passwordFile, log });
    await migrate(url, { passwordFile });
    say(`filling in ${apps} apps and ${events} events`);
    await fill(url, passwordFile);
    const settings = {
      LABKEEPER_DATABASE_URL: url,
      LABKEEPER_DATABASE_PASSWORD_FILE: passwordFile,
    };
    const copy = async (name: string) => {
      const archive = join(folder, `${name}.tar.gz`);
      const environment = { ...settings, LABKEEPER_DATA: data };
      const backup = await labkeeper(['backup', archive], environment);
      const target = join(folder, name);
      // Into a database of its own in that folder, as on an empty machine.
      const restore = await labkeeper(['restore', archive], { LABKEEPER_DATA: target });
      await rm(target, { recursive: true });
      return { ...{ backup, restore }, megabytes: (await stat(archive)).size / 1e6 };
    };
    say('rows alone');
    const rows = await copy('rows');
    say(`and a volume of ${(files * fileBytes) / 1e6} MB`);
    for (let index = 0; index < files; index += 1) {
      // Half of it packs, half does not.
      const words = randomBytes(fileBytes / 4).toString('hex');
      const noise = randomBytes(fileBytes / 2);
      await writeFile(
        join(data, 'volumes', `file-${index}`),
        Buffer.concat([Buffer.from(words), noise]),
      );
    }
    const all = await copy('all');
    const tar = await timed(
      'sh',
      ['-c', `tar -C ${data} -c volumes | gzip -3 > ${folder}/peer.tar.gz`],
      {},
    );
    return [
      { figure: 'rowsBackupSeconds', value: round(rows.backup), unit: 's' },
      { figure: 'rowsMB', value: round(rows.megabytes), unit: 'MB' },
      { figure: 'rowsRestoreSeconds', value: round(rows.restore), unit: 's' },
      against('volumeBackupSeconds', all.backup - rows.backup, 's', 'tar | gzip -3', tar),
      { figure: 'volumeRestoreSeconds', value: round(all.restore - rows.restore), unit: 's' },
    ];
  } finally {
    await stopPostgres(postgres);
    await rm(folder, { recursive: true, force: true });
  }
};

async function fill(url: string, passwordFile: string): Promise<void> {
  const client = new pg.Client(connectionOptions({ url, passwordFile, applicationName: 'bench' }));
  await client.connect();
  await client.query(
    `INSERT INTO apps (name, owner, spec, actor, why)
     SELECT 'app-' || n, 'ana', '{"command": ["serve", "{port}"], "title": "An app of the bench"}', 'ana', 'a bench'
     FROM generate_series(1, $1) AS n`,
    [apps],
  );
  await client.query(
    `INSERT INTO events (entity, actor, what, why, data)
     SELECT 'app/app-' || n % $2 + 1, 'ana', 'ready', 'healthy at / after ' || md5(n::text),
       jsonb_build_object('generation', n, 'host', 'local', 'operation', gen_random_uuid())
     FROM generate_series(1, $1) AS n`,
    [events, apps],
  );
  await client.end();
}

const labkeeper = (args: string[], settings: Record<string, string>) =>
  timed(process.execPath, [join(root, 'dist', 'cli.js'), ...args], settings);

/** Seconds that a program takes from its start to its end. */
async function timed(
  program: string,
  args: string[],
  settings: Record<string, string>,
): Promise<number> {
  const beganMs = performance.now();
  const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...settings };
  const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}`);
  return (performance.now() - beganMs) / 1000;
}
