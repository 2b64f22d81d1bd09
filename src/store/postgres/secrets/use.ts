import type { SecretUse } from '../../secret-ports.ts';
import type { Database } from '../database.ts';

/** An instance whose intent is gone keeps no notes: nobody would ever forget them. */
export async function noteSecretUse(
  database: Database,
  instance: string,
  uses: readonly SecretUse[],
): Promise<void> {
  await database.query(
    `note the secrets of ${instance}`,
    `INSERT INTO instance_secrets (instance, name, version, source)
     SELECT instances.instance, used.name, used.version, used.source
     FROM instances
     CROSS JOIN jsonb_to_recordset($2::jsonb) AS used (name text, version integer, source text)
     WHERE instances.instance = $1
     ON CONFLICT (instance, name)
       DO UPDATE SET version = excluded.version, source = excluded.source`,
    [instance, JSON.stringify(uses)],
  );
}
