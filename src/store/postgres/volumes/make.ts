import { LabError } from '../../../model/failures.ts';
import { volumeEntity } from '../../../model/names.ts';
import type { Query } from '../database.ts';
import { insertEvent } from '../events/append.ts';

/** What bounds new volumes. */
export interface VolumeLimits {
  maxVolumes: number;
  /** The limit of a volume for which none was given. */
  volumeMaxBytes: number;
}

/** Those who make new volumes queue here, so that the limit holds among them. */
const newVolumesLockKey = 7_106_135;

interface NewVolume {
  name: string;
  space: string;
  owner: string;
  title: string | null;
  maxBytes: number | null;
  why: string;
}

/**
 * Inside a transaction: makes those that are not there, each with its event, and locks all, in the order of
 * their names, so that nobody waits in a circle. Tells which were made, and how the others are.
 */
export async function makeVolumes(
  query: Query,
  wanted: readonly NewVolume[],
  limits: VolumeLimits,
): Promise<{ name: string; space: string; isNew: boolean; isRemoved: boolean }[]> {
  const names = wanted.map(({ name }) => name);
  const there = await query('look', 'SELECT FROM volumes WHERE name = ANY ($1)', [names]);
  if (there.length < names.length) {
    await query('wait for others', 'SELECT pg_advisory_xact_lock($1)', [newVolumesLockKey]);
  }
  const rows = await query<{ name: string; space: string; isNew: boolean; isRemoved: boolean }>(
    'make or lock',
    `INSERT INTO volumes (name, space, owner, title, max_bytes)
     SELECT name, space, owner, title, COALESCE("maxBytes", $2::bigint)
     FROM jsonb_to_recordset($1::jsonb)
       AS wanted (name text, space text, owner text, title text, "maxBytes" bigint)
     ORDER BY name
     ON CONFLICT (name) DO UPDATE SET name = excluded.name
     RETURNING name, space, xmax = 0 AS "isNew", deleted_at IS NOT NULL AS "isRemoved"`,
    [JSON.stringify(wanted), limits.volumeMaxBytes],
  );
  const made = rows.filter(({ isNew }) => isNew);
  if (made.length > 0) await refuseTooMany(query, limits.maxVolumes);
  for (const { name } of made) {
    const { owner, why } = wanted.find((volume) => volume.name === name) ?? { owner: '', why: '' };
    await insertEvent(query, volumeEntity(name), { actor: owner, what: 'created', why });
  }
  return rows;
}

async function refuseTooMany(query: Query, maxVolumes: number): Promise<void> {
  const [row] = await query<{ count: number }>(
    'count',
    'SELECT count(*)::integer AS count FROM volumes',
  );
  if (row === undefined || row.count <= maxVolumes) return;
  throw new LabError(
    'quota_exceeded',
    `cannot make a volume: there are ${maxVolumes} already, the most LABKEEPER_MAX_VOLUMES allows; remove one or raise it`,
    { details: { limit: maxVolumes } },
  );
}
