import type { Visibility } from '../../people-ports.ts';
import type { App, AppSelection, AppStore, AppTally, ImageUse } from '../../ports.ts';
import type { Database } from '../database.ts';
import { appColumns, toApp, type AppRow } from './row.ts';

/** The condition of a selection, over the parameters of `selectionValues`. */
const selected = `($1::text IS NULL OR space = $1)
  AND ($2::text IS NULL OR owner = $2)
  AND ($3::text IS NULL OR spec ->> 'preset' = $3)
  AND ($4::text IS NULL
    OR position(lower($4) IN lower(name || ' ' || COALESCE(spec ->> 'title', ''))) > 0)
  AND ${isVisible(5)}`;

/** Needs two parameters from `at` on: spaces and access modes. */
function isVisible(at: number): string {
  return `($${at}::text[] IS NULL OR space = ANY ($${at})
    OR COALESCE(spec ->> 'access', 'members') = ANY ($${at + 1}::text[]))`;
}

const selectionValues = ({ space, owner, preset, search, visible }: AppSelection): unknown[] => [
  space ?? null,
  owner ?? null,
  preset ?? null,
  search ?? null,
  visible?.spaces ?? null,
  visible?.access ?? [],
];

export async function listApps(
  database: Database,
  page: Parameters<AppStore['list']>[0],
): Promise<App[]> {
  const rows = await database.query<AppRow>(
    'list apps',
    `SELECT ${appColumns} FROM apps
     WHERE ${selected} AND name > $7 AND ($8::text[] IS NULL OR phase = ANY ($8))
     ORDER BY name LIMIT $9`,
    [...selectionValues(page), page.after ?? '', page.phases ?? null, page.limit],
  );
  return rows.map(toApp);
}

export async function tallyApps(database: Database, selection: AppSelection): Promise<AppTally[]> {
  return database.query<AppTally & Record<string, unknown>>(
    'count apps',
    `SELECT wanted, phase, count(*)::integer AS count FROM apps
     WHERE ${selected} GROUP BY wanted, phase ORDER BY wanted, phase`,
    selectionValues(selection),
  );
}

const maxFacets = 100;

export async function appFacets(
  database: Database,
  visible: Visibility,
): ReturnType<AppStore['facets']> {
  const distinct = (value: string) =>
    `ARRAY(SELECT DISTINCT ${value} FROM seen WHERE ${value} IS NOT NULL ORDER BY 1 LIMIT $3)`;
  const [row] = await database.query<{ spaces: string[]; owners: string[]; presets: string[] }>(
    'find what apps can be told apart by',
    `WITH seen AS (SELECT space, owner, spec ->> 'preset' AS preset FROM apps WHERE ${isVisible(1)})
     SELECT ${distinct('space')} AS spaces, ${distinct('owner')} AS owners,
       ${distinct('preset')} AS presets`,
    [visible.spaces, visible.access, maxFacets],
  );
  return row ?? { spaces: [], owners: [], presets: [] };
}

export async function listImages(database: Database, limit: number): Promise<ImageUse[]> {
  return database.query<ImageUse & Record<string, unknown>>(
    'list images',
    `SELECT spec ->> 'image' AS image, count(*)::integer AS count,
       (array_agg(name ORDER BY name))[1:5] AS apps
     FROM apps WHERE spec ->> 'image' IS NOT NULL
     GROUP BY spec ->> 'image' ORDER BY count(*) DESC, spec ->> 'image' LIMIT $1`,
    [limit],
  );
}

export async function troubledApps(
  database: Database,
  page: Parameters<AppStore['troubled']>[0],
): Promise<App[]> {
  const rows = await database.query<AppRow>(
    'list apps in trouble',
    `SELECT ${appColumns} FROM apps
     WHERE ${isVisible(1)} AND wanted <> 'gone' AND (
       phase IN ('failed', 'restarting')
       OR (wanted = 'awake' AND phase IN ('none', 'starting') AND since < now() -
         (COALESCE((spec -> 'health' ->> 'startDeadlineMs')::float8, 0) + $3) * interval '1 ms')
       OR (wanted = 'asleep' AND spec ->> 'alwaysOn' = 'true'))
     ORDER BY array_position('{failed,restarting,starting,none}'::text[], phase), name LIMIT $4`,
    [page.visible.spaces, page.visible.access, page.lateMs, page.limit],
  );
  return rows.map(toApp);
}

/** Those that need an open workflow, or the confirmation that none is needed. */
export async function listLiveApps(
  database: Database,
  page: { after?: string; limit: number },
): Promise<App[]> {
  const rows = await database.query<AppRow>(
    'list live apps',
    `SELECT ${appColumns} FROM apps
     WHERE name > $1
       AND (wanted <> 'asleep' OR phase NOT IN ('none', 'failed') OR EXISTS (
         SELECT FROM operations WHERE entity = 'app/' || apps.name AND state = 'accepted'))
     ORDER BY name LIMIT $2`,
    [page.after ?? '', page.limit],
  );
  return rows.map(toApp);
}
