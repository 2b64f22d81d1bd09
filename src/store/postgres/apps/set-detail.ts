import type { Database } from '../database.ts';

export async function setAppDetail(
  database: Database,
  name: string,
  generation: number,
  detail: string,
): Promise<void> {
  await database.query(
    `say what app/${name} is doing`,
    `UPDATE apps SET detail = $3, updated_at = now()
     WHERE name = $1 AND generation = $2 AND phase = 'starting' AND detail IS DISTINCT FROM $3`,
    [name, generation, detail],
  );
}
