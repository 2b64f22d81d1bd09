import type { App, AppStore } from '../../ports.ts';
import type { Database } from '../database.ts';
import { appColumns, toApp, type AppRow } from './row.ts';

export async function listApps(
  database: Database,
  page: Parameters<AppStore['list']>[0],
): Promise<App[]> {
  const rows = await database.query<AppRow>(
    'list apps',
    `SELECT ${appColumns} FROM apps
     WHERE ($1::text IS NULL OR space = $1) AND name > $2
       AND ($4::text[] IS NULL OR phase = ANY ($4))
       AND ($5::text IS NULL
         OR position(lower($5) IN lower(name || ' ' || COALESCE(spec ->> 'title', ''))) > 0)
       AND ($6::text[] IS NULL OR space = ANY ($6) OR COALESCE(spec ->> 'access', 'members') = ANY ($7))
     ORDER BY name LIMIT $3`,
    [
      page.space ?? null,
      page.after ?? '',
      page.limit,
      page.phases ?? null,
      page.search ?? null,
      page.visible?.spaces ?? null,
      page.visible?.access ?? [],
    ],
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
