import type { Query } from '../database.ts';

export interface Table {
  name: string;
  /** Those that are stored; what is computed from them computes itself. */
  columns: string[];
}

export interface Sequence {
  name: string;
  /** The last number it gave, as text: it may be beyond what a number of JavaScript holds. */
  value: string;
}

/** Every table of ours, from the catalog: a new one needs no word here. */
export async function readTables(query: Query): Promise<Table[]> {
  return query<Table & Record<string, unknown>>(
    'list tables',
    `SELECT relname::text AS name, array_agg(attname::text ORDER BY attnum) AS columns
     FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
     WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
       AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
     GROUP BY relname ORDER BY relname`,
  );
}

/** Those that ever gave a number. They stand outside of transactions: never behind a snapshot. */
export async function readSequences(query: Query): Promise<Sequence[]> {
  return query<Sequence & Record<string, unknown>>(
    'read sequences',
    `SELECT sequencename::text AS name, last_value::text AS value FROM pg_sequences
     WHERE schemaname = current_schema() AND last_value IS NOT NULL ORDER BY 1`,
  );
}

export interface ForeignKey {
  table: string;
  name: string;
  definition: string;
}

export async function readForeignKeys(query: Query): Promise<ForeignKey[]> {
  return query<ForeignKey & Record<string, unknown>>(
    'list foreign keys',
    `SELECT relname::text AS table, conname::text AS name,
       pg_get_constraintdef(pg_constraint.oid) AS definition
     FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
     WHERE connamespace = current_schema()::regnamespace AND contype = 'f' AND conparentid = 0
     ORDER BY 1, 2`,
  );
}
