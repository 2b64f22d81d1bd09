import type { Database } from '../database.ts';

export async function setAppSleepsIn(
  database: Database,
  name: string,
  generation: number,
  sleepsInMs: number | null,
): Promise<void> {
  await database.query(
    `say when app/${name} falls asleep`,
    `UPDATE apps SET sleeps_at = now() + $3::float8 * interval '1 ms', updated_at = now()
     WHERE name = $1 AND generation = $2 AND phase = 'ready'`,
    [name, generation, sleepsInMs],
  );
}
