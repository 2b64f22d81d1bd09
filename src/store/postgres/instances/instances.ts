import type { InstanceIntent } from '../../ports.ts';
import type { Database } from '../database.ts';

type InstanceRow = InstanceIntent & Record<string, unknown>;

const columns = 'instance, entity, generation, host, wanted';

export async function listInstances(database: Database, host: string): Promise<InstanceIntent[]> {
  return database.query<InstanceRow>(
    `list instances of host/${host}`,
    `SELECT ${columns} FROM instances WHERE host = $1 ORDER BY instance`,
    [host],
  );
}

export async function findInstance(
  database: Database,
  instance: string,
): Promise<InstanceIntent | null> {
  const [row] = await database.query<InstanceRow>(
    `find instance ${instance}`,
    `SELECT ${columns} FROM instances WHERE instance = $1`,
    [instance],
  );
  return row ?? null;
}

export async function settleInstance(database: Database, instance: string): Promise<void> {
  await database.query(`settle instance ${instance}`, 'DELETE FROM instances WHERE instance = $1', [
    instance,
  ]);
}
