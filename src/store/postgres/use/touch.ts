import type { Database } from '../database.ts';

export async function touchUse(database: Database, app: string, reason: string): Promise<boolean> {
  const rows = await database.query(
    `keep app/${app} awake`,
    `INSERT INTO app_use (app, last_use_at, reason) SELECT name, now(), $2 FROM apps WHERE name = $1
     ON CONFLICT (app) DO UPDATE SET last_use_at = now(), reason = excluded.reason
     RETURNING app`,
    [app, reason],
  );
  return rows.length > 0;
}
