import { volumeEntity } from '../../../model/names.ts';
import type { VolumeStore } from '../../volume-ports.ts';
import type { Database, Query } from '../database.ts';
import { insertEvent } from '../events/append.ts';
import { toVolume, type VolumeRow } from './row.ts';
import { tellLevel } from './tell-level.ts';

export async function dueVolumes(
  database: Database,
  host: string,
  limit: number,
): Promise<Awaited<ReturnType<VolumeStore['due']>>> {
  return database.query(
    `find what to look at on host/${host}`,
    `SELECT name, deleted_at IS NOT NULL AS removes, measured_at IS NOT NULL AS known
     FROM volumes WHERE host = $1 AND due_at <= now() ORDER BY due_at LIMIT $2`,
    [host, limit],
  );
}

export async function askMeasure(database: Database, names: readonly string[]): Promise<void> {
  await database.query(
    'ask for volumes to be measured',
    'UPDATE volumes SET due_at = now() WHERE name = ANY ($1) AND due_at > now()',
    [names],
  );
}

export async function volumeMeasured(
  database: Database,
  name: string,
  host: string,
  { measure, hindrance, nextInMs }: Parameters<VolumeStore['measured']>[2],
): Promise<void> {
  await database.transaction(`write what volume/${name} holds`, async (query) => {
    const before = await lockOn(query, name, host);
    if (before === null || before.deletedAt !== null) return;
    const [row] = await query<VolumeRow>(
      'write',
      `UPDATE volumes SET due_at = now() + $3::float8 * interval '1 ms', hindrance = $2,
         size_bytes = COALESCE($4, size_bytes), file_count = COALESCE($5, file_count),
         is_whole = COALESCE($6, is_whole),
         measured_at = CASE WHEN $4::bigint IS NULL THEN measured_at ELSE now() END
       WHERE name = $1 RETURNING *, ARRAY[]::text[] AS apps`,
      [
        name,
        hindrance,
        nextInMs,
        measure?.sizeBytes ?? null,
        measure?.fileCount ?? null,
        measure?.whole ?? null,
      ],
    );
    if (row === undefined) return;
    await tellLevel(query, before, toVolume(row), agentOf(host));
    await tellHindrance(query, before, host, 'not measured in full', hindrance);
  });
}

export async function removalHindered(
  database: Database,
  name: string,
  host: string,
  hindrance: string,
  nextInMs: number,
): Promise<void> {
  await database.transaction(`say why volume/${name} is not removed`, async (query) => {
    const before = await lockOn(query, name, host);
    if (before === null || before.deletedAt === null) return;
    await query(
      'write',
      `UPDATE volumes SET due_at = now() + $3::float8 * interval '1 ms', hindrance = $2
       WHERE name = $1`,
      [name, hindrance, nextInMs],
    );
    await tellHindrance(query, before, host, 'not removed', hindrance);
  });
}

const agentOf = (host: string): string => `agent of ${host}`;

async function lockOn(query: Query, name: string, host: string) {
  const [row] = await query<VolumeRow>(
    'lock',
    `SELECT *, ARRAY[]::text[] AS apps FROM volumes WHERE name = $1 AND host = $2
     FOR NO KEY UPDATE`,
    [name, host],
  );
  return row === undefined ? null : toVolume(row);
}

/** Said when it is news, not at each try. */
async function tellHindrance(
  query: Query,
  before: { name: string; hindrance: string | null },
  host: string,
  what: string,
  hindrance: string | null,
): Promise<void> {
  if (hindrance === null || hindrance === before.hindrance) return;
  await insertEvent(query, volumeEntity(before.name), {
    actor: agentOf(host),
    what,
    why: hindrance,
  });
}
