import type { Volume } from '../../volume-ports.ts';

export interface VolumeRow extends Record<string, unknown> {
  name: string;
  space: string;
  owner: string;
  title: string | null;
  host: string | null;
  max_bytes: string;
  size_bytes: string | null;
  file_count: string | null;
  is_whole: boolean | null;
  measured_at: Date | null;
  hindrance: string | null;
  deleted_at: Date | null;
  created_at: Date;
  apps: string[];
}

/** Apps whose definition names a volume; the first condition is that of the index. */
export const namesVolume = (volume: string): string =>
  `apps.spec -> 'volumes' <> '[]'
   AND apps.spec -> 'volumes' @> jsonb_build_array(jsonb_build_object('volume', ${volume}))`;

export const selectVolumes = `SELECT name, space, owner, title, host, max_bytes, size_bytes,
  file_count, is_whole, measured_at, hindrance, deleted_at, created_at,
  ARRAY(SELECT apps.name FROM apps WHERE ${namesVolume('volumes.name')}
    ORDER BY apps.name LIMIT 100) AS apps
  FROM volumes`;

export function toVolume(row: VolumeRow): Volume {
  const { measured_at: measuredAt } = row;
  return {
    name: row.name,
    space: row.space,
    owner: row.owner,
    title: row.title,
    host: row.host,
    maxBytes: Number(row.max_bytes),
    measured:
      measuredAt === null
        ? null
        : {
            sizeBytes: Number(row.size_bytes),
            fileCount: Number(row.file_count),
            whole: row.is_whole === true,
            at: measuredAt.toISOString(),
          },
    hindrance: row.hindrance,
    deletedAt: row.deleted_at?.toISOString() ?? null,
    apps: row.apps,
    createdAt: row.created_at.toISOString(),
  };
}
