import type { Volume, VolumeStore, VolumeTotal } from '../../volume-ports.ts';
import type { Database, Query } from '../database.ts';
import { selectVolumes, toVolume, type VolumeRow } from './row.ts';

export async function findVolume(query: Query, name: string): Promise<Volume | null> {
  const [row] = await query<VolumeRow>(`find volume/${name}`, `${selectVolumes} WHERE name = $1`, [
    name,
  ]);
  return row === undefined ? null : toVolume(row);
}

export async function findVolumes(query: Query, names: readonly string[]): Promise<Volume[]> {
  const rows = await query<VolumeRow>(
    'find volumes',
    `${selectVolumes} WHERE name = ANY ($1) ORDER BY name`,
    [names],
  );
  return rows.map(toVolume);
}

export async function listVolumes(
  database: Database,
  page: Parameters<VolumeStore['list']>[0],
): Promise<Volume[]> {
  const rows = await database.query<VolumeRow>(
    'list volumes',
    `${selectVolumes} WHERE name > $1 AND ($2::text[] IS NULL OR space = ANY ($2))
     ORDER BY name LIMIT $3`,
    [page.after ?? '', page.spaces ?? null, page.limit],
  );
  return rows.map(toVolume);
}

export async function fullestVolumes(
  database: Database,
  page: Parameters<VolumeStore['fullest']>[0],
): Promise<Volume[]> {
  const rows = await database.query<VolumeRow>(
    'list the fullest volumes',
    `${selectVolumes} WHERE ($1::text[] IS NULL OR space = ANY ($1))
       AND ($2::float8 IS NULL OR size_bytes >= max_bytes * $2 OR hindrance IS NOT NULL)
     ORDER BY size_bytes::float8 / max_bytes DESC NULLS LAST, name LIMIT $3`,
    [page.spaces ?? null, page.share ?? null, page.limit],
  );
  return rows.map(toVolume);
}

export async function volumeTotals(database: Database): Promise<VolumeTotal[]> {
  return database.query<VolumeTotal & Record<string, unknown>>(
    'measure all volumes',
    `SELECT host, count(*)::integer AS volumes, COALESCE(sum(size_bytes), 0)::float8 AS "sizeBytes"
     FROM volumes GROUP BY host ORDER BY host NULLS LAST`,
  );
}
