import { z } from 'zod';
import { LabError } from '../../model/failures.ts';
import { dataVersion } from '../data-folder.ts';

/** Counts layouts of the archive. A program reads its own and older ones, never newer ones. */
export const archiveFormat = 1;

/** Entries of the archive, in this order: `backup.json`, rows, files, `contents.json`. */
export const entryNames = {
  manifest: 'backup.json',
  contents: 'contents.json',
  rows: 'rows/',
  files: 'files/',
} as const;

/** More than any manifest of ours: a longer one is not read into memory. */
export const maxJsonBytes = 16 * 1024 * 1024;

/** First entry: what this is, and what a program must know to restore it. */
const manifestSchema = z.object({
  format: z.int().min(1).describe('Layout of the archive'),
  labkeeper: z.string().describe('Version of the program that made it'),
  dataVersion: z.int().min(1).describe('Layout of the data folder'),
  installation: z.uuid().describe('Which installation it is of'),
  host: z.string().describe('Name of the host whose data folder it holds'),
  takenAt: z.iso.datetime().describe('The moment that all rows are of, by the database’s clock'),
  postgres: z.string().describe('Version of the PostgreSQL it came from, for people'),
  migrations: z.array(z.string()).min(1).describe('The schema that the rows have'),
  tables: z
    .array(z.object({ name: z.string(), columns: z.array(z.string()) }))
    .describe('Tables whose rows are in it, with the columns of their COPY text'),
  leftOut: z
    .record(z.string(), z.string())
    .describe('What of the data folder is not in it on purpose, each with the reason'),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** Last entry: proves that everything before it is whole. */
const contentsSchema = z.object({
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .describe('Over the headers and bytes of all entries before this one'),
  entries: z.int().min(1),
  rows: z.record(z.string(), z.int().min(0)).describe('By table'),
  sequences: z.array(z.object({ name: z.string(), value: z.string().regex(/^-?\d+$/) })),
  files: z.int().min(0),
  fileBytes: z.int().min(0),
});
export type Contents = z.infer<typeof contentsSchema>;

/** Throws `invalid`, with what to do, for what is no backup or one of a newer program. */
export function parseManifest(file: string, text: string): Manifest {
  const json = parseJson(text);
  const format = z.object({ format: z.int() }).safeParse(json).data?.format;
  if (format === undefined) throw noBackup(file);
  const newer = (what: string, its: number, ours: number) =>
    new LabError(
      'invalid',
      `cannot restore ${file}: ${what} is newer (version ${its}) than this program's (version ${ours}); update labkeeper`,
    );
  if (format > archiveFormat) throw newer('its format', format, archiveFormat);
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) throw damaged(file, `${entryNames.manifest}: ${parsed.error.message}`);
  const { dataVersion: version } = parsed.data;
  if (version > dataVersion) throw newer('its data folder', version, dataVersion);
  return parsed.data;
}

export function parseContents(file: string, text: string): Contents {
  const parsed = contentsSchema.safeParse(parseJson(text));
  if (!parsed.success) throw damaged(file, `${entryNames.contents}: ${parsed.error.message}`);
  return parsed.data;
}

export function noBackup(file: string, cause?: unknown): LabError {
  return new LabError('invalid', `cannot restore ${file}: it is no backup of labkeeper`, { cause });
}

export function damaged(file: string, why: string, cause?: unknown): LabError {
  return new LabError(
    'invalid',
    `cannot restore ${file}: the archive is damaged (${why}); take another copy of it, or another backup`,
    { cause },
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
