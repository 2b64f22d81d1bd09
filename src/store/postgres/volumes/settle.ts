import { appEntity, volumeEntity, type EntityName } from '../../../model/names.ts';
import type { Database, Query } from '../database.ts';
import { insertEvent } from '../events/append.ts';

/** Locked in the order of their names: one of two first users wins all of them or none. */
export async function settleVolumes(
  database: Database,
  names: readonly string[],
  host: string,
  app: string,
): Promise<boolean> {
  return database.transaction(`settle the volumes of app/${app}`, (query) =>
    settleVolumesIn(query, names, host, appEntity(app)),
  );
}

/** The same within a transaction that does more. */
export async function settleVolumesIn(
  query: Query,
  names: readonly string[],
  host: string,
  user: EntityName,
): Promise<boolean> {
  if (names.length === 0) return true;
  const rows = await query<{ name: string; host: string | null; deleted_at: Date | null }>(
    'lock',
    `SELECT name, host, deleted_at FROM volumes WHERE name = ANY ($1)
     ORDER BY name FOR NO KEY UPDATE`,
    [names],
  );
  const fits = rows.every((row) => row.deleted_at === null && (row.host ?? host) === host);
  if (!fits || rows.length < new Set(names).size) return false;
  const homeless = rows.filter((row) => row.host === null).map(({ name }) => name);
  if (homeless.length === 0) return true;
  await query('settle', 'UPDATE volumes SET host = $2, due_at = now() WHERE name = ANY ($1)', [
    homeless,
    host,
  ]);
  for (const name of homeless) {
    await insertEvent(query, volumeEntity(name), {
      actor: 'labkeeper',
      what: 'placed',
      why: `lives on ${host} from now on: ${user} starts there first`,
      data: { host },
    });
  }
  return true;
}
