import type { App } from '../../ports.ts';
import type { Database } from '../database.ts';
import { appColumns, toApp, type AppRow } from './row.ts';

export async function findApp(database: Database, name: string): Promise<App | null> {
  const [row] = await database.query<AppRow>(
    `find app/${name}`,
    `SELECT ${appColumns} FROM apps WHERE name = $1`,
    [name],
  );
  return row === undefined ? null : toApp(row);
}
