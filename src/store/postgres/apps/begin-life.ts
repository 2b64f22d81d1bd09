import type { App } from '../../ports.ts';
import type { Database } from '../database.ts';
import { appColumns, toApp, type AppRow } from './row.ts';

/**
 * One more life. Where nothing runs, the row's generation becomes the highest one ever used, so
 * that an app registered anew under an old name never reuses an instance's name.
 */
export async function beginAppLife(database: Database, name: string): Promise<App | null> {
  const [row] = await database.query<AppRow>(
    `begin a life of app/${name}`,
    `WITH app AS (
       SELECT name FROM apps WHERE name = $1 FOR NO KEY UPDATE
     ), lived AS (
       INSERT INTO lives (entity, life) SELECT 'app/' || name, 1 FROM app
       ON CONFLICT (entity) DO UPDATE SET life = lives.life + 1
       RETURNING life, generation
     )
     UPDATE apps SET life = lived.life, revision = 0, updated_at = now(),
       generation = CASE WHEN apps.phase IN ('none', 'failed')
         THEN greatest(apps.generation, lived.generation) ELSE apps.generation END
     FROM lived WHERE apps.name = $1
     RETURNING ${appColumns}`,
    [name],
  );
  return row === undefined ? null : toApp(row);
}
