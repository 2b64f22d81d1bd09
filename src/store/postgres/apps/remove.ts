import type { AppChange, Mark } from '../../ports.ts';
import type { Database, Query } from '../database.ts';
import { insertEvent } from '../events/append.ts';
import { compareMark, finishOperations } from './advance.ts';

/**
 * A registration accepted after the last removal wins: while its operation is open the row stays.
 * Whatever else was asked of the app is over.
 */
export async function removeApp(
  database: Database,
  name: string,
  mark: Mark,
  change: Pick<AppChange, 'event' | 'finish'>,
): Promise<boolean> {
  return database.transaction(`remove app/${name}`, async (query) => {
    const order = await compareMark(query, name, mark);
    if (order === 'older') return isGone(query, name);
    const [removed] = await query(
      'delete',
      `DELETE FROM apps WHERE name = $1 AND NOT EXISTS (
         SELECT FROM operations WHERE entity = 'app/' || apps.name AND state = 'accepted'
           AND verb IN ('register', 'replace') AND place > COALESCE((
             SELECT max(place) FROM operations
             WHERE entity = 'app/' || apps.name AND verb = 'remove'), 0))
       RETURNING name`,
      [name],
    );
    if (removed === undefined) return false;
    await query('want no instance', "UPDATE instances SET wanted = 'absent' WHERE entity = $1", [
      `app/${name}`,
    ]);
    if (change.event !== undefined) await insertEvent(query, `app/${name}`, change.event);
    await finishOperations(query, `app/${name}`, change.finish ?? []);
    await query(
      'finish what is left',
      `UPDATE operations SET state = CASE verb WHEN 'remove' THEN 'succeeded' ELSE 'failed' END,
         detail = 'the app was removed', finished_at = now()
       WHERE entity = $1 AND state = 'accepted'`,
      [`app/${name}`],
    );
    return true;
  });
}

/** A repeat of a removal that went through, whose answer was lost. */
async function isGone(query: Query, name: string): Promise<boolean> {
  return (await query('look', 'SELECT FROM apps WHERE name = $1', [name])).length === 0;
}
