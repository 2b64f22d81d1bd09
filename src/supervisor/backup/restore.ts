import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { UsageError, type ExitCode } from '../../cli/exit-codes.ts';
import { bytesInWords } from '../../model/in-words.ts';
import { loadConfig } from '../../config.ts';
import { LabError } from '../../model/failures.ts';
import { beginRestoring, type Restoring } from '../../store/postgres/backup/restoring.ts';
import { lookAtDataFolder } from '../data-folder.ts';
import { findSupervisor } from '../supervisor-lock.ts';
import { fromText, toText, type BytePath, type Entry } from './entry.ts';
import { beginExtraction } from './extract-files.ts';
import { damaged, entryNames, type Contents, type Manifest } from './manifest.ts';
import { openArchive, verifyArchive } from './read-archive.ts';
import { refuseOldWorld } from './old-world.ts';
import { openDestination, type Destination } from './destination.ts';
import { explain } from './target-file.ts';
import { runToEnd } from './verb-run.ts';

export const restoreUsage = `labkeeper restore FILE [--data DIR] [--check] [--json]

Restores a backup into an empty data folder (and, where the settings name a database, an empty database):
all of it or nothing. Apps that ran sleep until somebody opens them. Start labkeeper afterwards.

  --data DIR  data folder (LABKEEPER_DATA, ./data)
  --check     only prove that the archive is whole and can be restored by this program
  --json      say what was restored in JSON
`;

interface Summary {
  file: string;
  data: string | null;
  takenAt: string;
  labkeeper: string;
  installation: string;
  seconds: number;
  rows: number;
  tables: number;
  files: number;
  fileBytes: number;
  notes: string[];
}

/** Restores a backup, prints what came of it, gives the exit code. */
export async function restore(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<ExitCode> {
  return runToEnd(argv, async (signal) => {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        data: { type: 'string' },
        check: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(restoreUsage);
      return;
    }
    const [file] = positionals;
    if (file === undefined || positionals.length > 1) {
      throw new UsageError(`restore takes one file\n\n${restoreUsage}`);
    }
    const given = values.data ? { ...environment, LABKEEPER_DATA: values.data } : environment;
    const beganMs = performance.now();
    const found = values.check
      ? { ...(await verifyArchive(file)), data: null, notes: [] }
      : await restoreAll(file, given, signal);
    const seconds = Number(((performance.now() - beganMs) / 1000).toFixed(1));
    const summary = summarize(file, seconds, found);
    process.stdout.write(values.json ? `${JSON.stringify(summary, null, 2)}\n` : inWords(summary));
  });
}

interface Restored {
  manifest: Manifest;
  contents: Contents;
  data: string | null;
  notes: string[];
}

/** Everything that can be refused is refused before anything is touched. */
async function restoreAll(
  file: string,
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<Restored> {
  const config = loadConfig(environment);
  const path = resolve(config.LABKEEPER_DATA);
  await refuseRunning(path);
  await refuseFull(path);
  const { manifest, contents } = await verifyArchive(file);
  await refuseOldWorld(config, environment, manifest.installation);
  signal.throwIfAborted();
  const destination = await openDestination(path, config, environment, contents.sha256);
  try {
    const notes = destination.isRestored
      ? []
      : await fill(file, manifest, contents, destination, config.LABKEEPER_HOST_NAME, signal);
    await destination.seal();
    return { manifest, contents, data: path, notes };
  } catch (error) {
    await destination.clear();
    throw explain(error, path);
  } finally {
    await destination.close();
  }
}

/** Rows and files. The commit of the rows comes last: before it nothing happened. */
async function fill(
  file: string,
  manifest: Manifest,
  contents: Contents,
  destination: Destination,
  host: string,
  signal: AbortSignal,
): Promise<string[]> {
  const { id, path, database } = destination;
  const { migrations, takenAt, host: formerHost } = manifest;
  const restoring = await beginRestoring(database, migrations);
  try {
    const notes = await putEntries(file, restoring, contents, { path, host }, signal);
    await restoring.finish(contents.sequences, { id, host, formerHost, takenAt });
    await destination.sync();
    signal.throwIfAborted();
    await restoring.commit();
    return notes;
  } finally {
    await restoring.abandon();
  }
}

async function putEntries(
  file: string,
  restoring: Restoring,
  contents: Contents,
  to: { path: string; host: string },
  signal: AbortSignal,
): Promise<string[]> {
  const { manifest, entries, close } = await openArchive(file);
  try {
    const files = beginExtraction(file, to.path);
    const counts: Record<string, number> = {};
    let next = await entries.next();
    /** The rows of one table, over all entries that hold some. */
    async function* rowsOf(table: string): AsyncGenerator<Buffer> {
      while (next.done !== true && tableOf(next.value.entry) === table) {
        signal.throwIfAborted();
        yield* next.value.content;
        next = await entries.next();
      }
    }
    while (next.done !== true) {
      signal.throwIfAborted();
      const { entry, content } = next.value;
      const name = tableOf(entry);
      if (name !== null) {
        const table = manifest.tables.find((one) => one.name === name);
        if (table === undefined) throw damaged(file, `rows of ${name}, which it does not list`);
        counts[name] = await restoring.load(table, rowsOf(name));
        continue;
      }
      const path = onHost(pathOf(file, entry), manifest.host, to.host);
      await files.put({ ...entry, path }, content);
      next = await entries.next();
    }
    refuseOtherCounts(file, counts, contents.rows);
    const { foreignOwners } = await files.finish();
    if (foreignOwners === 0) return [];
    return [
      `${foreignOwners} files and folders of other users belong to this one now: only root can give them back`,
    ];
  } finally {
    await close();
  }
}

/** Of a file in the data folder. */
function pathOf(file: string, { path }: Entry): BytePath {
  const prefix = fromText(entryNames.files);
  if (path.startsWith(prefix)) return path.slice(prefix.length);
  throw damaged(file, `the entry ${toText(path)}`);
}

/** What the old host kept under its name belongs to the new one. */
function onHost(path: BytePath, former: string, host: string): BytePath {
  const [room, name, ...rest] = path.split('/');
  return room === 'hosts' && name === former ? [room, host, ...rest].join('/') : path;
}

function refuseOtherCounts(
  file: string,
  loaded: Readonly<Record<string, number>>,
  promised: Readonly<Record<string, number>>,
): void {
  for (const [table, rows] of Object.entries(promised)) {
    const found = loaded[table] ?? 0;
    if (found !== rows) throw damaged(file, `${found} rows of ${table} instead of ${rows}`);
  }
}

/** The table whose rows the entry holds; null for others. */
function tableOf({ path }: Entry): string | null {
  const [room, table, part, ...more] = toText(path).split('/');
  const isRows = `${room}/` === entryNames.rows && part !== undefined && more.length === 0;
  return isRows && table !== undefined ? table : null;
}

async function refuseRunning(path: string): Promise<void> {
  const supervisor = await findSupervisor(resolve(path, 'run'));
  if (supervisor === null) return;
  throw new LabError(
    'conflict',
    `cannot restore into ${path}: labkeeper runs on it (process ${supervisor.pid}); end it with \`kill ${supervisor.pid}\`, and restore into an empty folder`,
  );
}

async function refuseFull(path: string): Promise<void> {
  const found = await lookAtDataFolder(path);
  if (found === 'nothing' || found === 'unfinished restore') return;
  throw new LabError(
    'conflict',
    `cannot restore into ${path}: it is not empty${found === 'data folder' ? ' but holds the data of a labkeeper' : ''}; choose an empty or a new folder with --data, or move that away`,
  );
}

function summarize(file: string, seconds: number, restored: Restored): Summary {
  const { manifest, contents, data, notes } = restored;
  const { takenAt, labkeeper, installation, tables } = manifest;
  const { files, fileBytes } = contents;
  const rows = Object.values(contents.rows).reduce((sum, count) => sum + count, 0);
  return {
    ...{ file, data, takenAt, labkeeper, installation, seconds },
    ...{ rows, tables: tables.length, files, fileBytes, notes },
  };
}

function inWords(summary: Summary): string {
  const { file, data, takenAt, labkeeper, seconds, rows, tables, files, fileBytes } = summary;
  const what = `${rows} rows of ${tables} tables and ${files} files (${bytesInWords(fileBytes)}) of the backup of ${takenAt}, made by labkeeper ${labkeeper}`;
  if (data === null) return `${file} is whole: ${what}; read in ${seconds} s.\n`;
  return [
    `Restored ${what}, into ${data} in ${seconds} s.`,
    ...summary.notes.map((note) => `Note: ${note}.`),
    'Apps that ran sleep until somebody opens them. Start it: labkeeper up',
    '',
  ].join('\n');
}
