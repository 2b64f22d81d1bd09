import { constants, setPriority } from 'node:os';
import { parseArgs } from 'node:util';
import { resolve } from 'node:path';
import { UsageError, type ExitCode } from '../../cli/exit-codes.ts';
import { bytesInWords } from '../../model/in-words.ts';
import { loadConfig, type Config } from '../../config.ts';
import { version } from '../../model/version.ts';
import type { BackupDatabase } from '../../store/postgres/backup/session.ts';
import { openSnapshot, type Snapshot } from '../../store/postgres/backup/snapshot.ts';
import { dataVersion } from '../data-folder.ts';
import { dataFiles, type Notes } from './data-files.ts';
import { fromText, ownEntry } from './entry.ts';
import { leftOutFiles } from './left-out.ts';
import { archiveFormat, entryNames, type Manifest } from './manifest.ts';
import { openSource } from './source.ts';
import { explain, openTarget, type Target } from './target-file.ts';
import { runToEnd } from './verb-run.ts';
import { beginArchive, type ArchiveWriter } from './write-archive.ts';

export const backupUsage = `labkeeper backup FILE|- [--data DIR] [--json]

Writes the whole state of labkeeper into one archive (tar, gzip) while everything goes on running: apps,
people, timelines, secrets, operations, volumes. - writes it to standard output.

The archive is a secret: it holds keys and passwords. The file is readable by its owner only.

  --data DIR  data folder (LABKEEPER_DATA, ./data)
  --json      say what is in it in JSON
`;

/** What was written, for people and programs. */
interface Summary {
  file: string;
  bytes: number;
  takenAt: string;
  seconds: number;
  rows: number;
  tables: number;
  files: number;
  fileBytes: number;
  /** What could not be taken as it was, in words. */
  notes: string[];
}

/** Rows travel in pieces of this size: a tar archive wants to know sizes first. */
const rowsPieceBytes = 4 * 1024 * 1024;

/** Makes a backup, prints what is in it, gives the exit code. */
export async function backup(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<ExitCode> {
  return runToEnd(argv, async (signal) => {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        data: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(backupUsage);
      return;
    }
    const [file] = positionals;
    if (file === undefined || positionals.length > 1) {
      throw new UsageError(`backup takes one file, or - for standard output\n\n${backupUsage}`);
    }
    const given = values.data ? { ...environment, LABKEEPER_DATA: values.data } : environment;
    const summary = await makeBackup(file, given, signal);
    const words = values.json ? `${JSON.stringify(summary, null, 2)}\n` : inWords(summary);
    // Standard output may be the archive.
    (file === '-' ? process.stderr : process.stdout).write(words);
  });
}

async function makeBackup(
  file: string,
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<Summary> {
  const beganMs = performance.now();
  const config = loadConfig(environment);
  // Whoever serves people goes first.
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  const folder = resolve(config.LABKEEPER_DATA);
  const source = await openSource(config, environment, folder);
  try {
    const target = await openTarget(file, folder);
    try {
      const written = await writeAll(source.database, config, target, signal);
      await target.finish();
      const seconds = Number(((performance.now() - beganMs) / 1000).toFixed(1));
      const notes = [...written.notes, ...filesElsewhere(config, folder)];
      return { file: target.name, seconds, ...written, notes };
    } catch (error) {
      await target.abandon();
      throw explain(error, target.name);
    }
  } finally {
    await source.close();
  }
}

async function writeAll(
  database: BackupDatabase,
  config: Config,
  target: Target,
  signal: AbortSignal,
): Promise<Omit<Summary, 'file' | 'seconds'>> {
  const snapshot = await openSnapshot(database);
  let archive: ArchiveWriter | null = null;
  try {
    archive = await beginArchive(target.sink, describe(snapshot, config), signal);
    // Rows first: a file they name that is made meanwhile is copied after them.
    await writeRows(snapshot, archive);
    const sequences = await snapshot.sequences();
    await snapshot.close();
    const { files, fileBytes, notes } = await writeFiles(
      resolve(config.LABKEEPER_DATA),
      target,
      archive,
    );
    const { takenAt, counts, tables } = snapshot;
    const bytes = await archive.finish({ rows: counts, sequences, files, fileBytes });
    const rows = Object.values(counts).reduce((sum, count) => sum + count, 0);
    return { bytes, takenAt, rows, tables: tables.length, files, fileBytes, notes };
  } catch (error) {
    archive?.abandon(error instanceof Error ? error : new Error(String(error)));
    throw error;
  } finally {
    await snapshot.close();
  }
}

function describe(snapshot: Snapshot, config: Config): Manifest {
  const { installation, takenAt, serverVersion, migrations, tables } = snapshot;
  return {
    ...{ format: archiveFormat, labkeeper: version, dataVersion, installation, takenAt },
    ...{ host: config.LABKEEPER_HOST_NAME, postgres: serverVersion, migrations, tables },
    leftOut: leftOutFiles,
  };
}

async function writeRows(snapshot: Snapshot, archive: ArchiveWriter): Promise<void> {
  for (const table of snapshot.tables) {
    let part = 0;
    for await (const pieces of inParts(snapshot.rows(table))) {
      part += 1;
      const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
      const name = `${entryNames.rows}${table.name}/${String(part).padStart(6, '0')}.copy`;
      await archive.add(ownEntry(name, size), streamOf(pieces));
    }
  }
}

/** Gathers what comes until it is enough for an entry. */
async function* inParts(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer[]> {
  let part: Buffer[] = [];
  let size = 0;
  for await (const piece of pieces) {
    part.push(piece);
    size += piece.length;
    if (size < rowsPieceBytes) continue;
    yield part;
    part = [];
    size = 0;
  }
  if (part.length > 0) yield part;
}

async function* streamOf(pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* pieces;
}

async function writeFiles(
  folder: string,
  target: Target,
  archive: ArchiveWriter,
): Promise<{ files: number; fileBytes: number; notes: string[] }> {
  const notes: Notes = { cutShort: 0, special: 0 };
  let files = 0;
  let fileBytes = 0;
  for await (const { entry, content } of dataFiles(folder, notes, target.identity)) {
    const path = fromText(entryNames.files) + entry.path;
    await archive.add({ ...entry, path }, content);
    if (entry.type !== 'file') continue;
    files += 1;
    fileBytes += entry.size;
  }
  return { files, fileBytes, notes: noteInWords(notes) };
}

function noteInWords({ cutShort, special }: Notes): string[] {
  return [
    ...(cutShort > 0
      ? [`${cutShort} files became shorter while they were read; zeros stand for what is gone`]
      : []),
    ...(special > 0 ? [`${special} sockets, pipes and devices were left out`] : []),
  ];
}

/** Settings may name keys and certificates that lie outside: nobody else would think of them. */
function filesElsewhere(config: Config, folder: string): string[] {
  return Object.entries(config).flatMap(([setting, value]) => {
    const isFile = /_(FILE|TLS_CA|TLS_CERT|TLS_KEY)$/.test(setting) && typeof value === 'string';
    if (!isFile || resolve(value).startsWith(`${folder}/`)) return [];
    return [
      `${value}, which ${setting} names, lies outside of the data folder: keep a copy of it too`,
    ];
  });
}

function inWords(summary: Summary): string {
  const { file, bytes, rows, tables, files, fileBytes, takenAt, seconds, notes } = summary;
  return [
    `Backed up ${rows} rows of ${tables} tables, as of ${takenAt}, and ${files} files (${bytesInWords(fileBytes)}) into ${file}: ${bytesInWords(bytes)} in ${seconds} s.`,
    ...notes.map((note) => `Note: ${note}.`),
    'It holds keys and passwords: keep it as you keep those.',
    '',
  ].join('\n');
}
