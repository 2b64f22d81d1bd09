import type { AppSecret, Sealed, Secret, SecretKey, SecretStore } from '../../secret-ports.ts';
import type { Database } from '../database.ts';
import { inWords, secretColumns, toSecret, type SecretRow } from './row.ts';

export async function listSecrets(
  database: Database,
  page: Parameters<SecretStore['list']>[0],
): Promise<Secret[]> {
  const rows = await database.query<SecretRow>(
    `list the secrets of space ${page.space}`,
    `SELECT ${secretColumns} FROM secrets
     WHERE space = $1 AND kind = $2 AND name > $3 ORDER BY name LIMIT $4`,
    [page.space, page.kind, page.after ?? '', page.limit],
  );
  return rows.map(toSecret);
}

export async function findSecret(
  database: Database,
  key: SecretKey,
): Promise<{ secret: Secret; sealed: Sealed } | null> {
  const [row] = await database.query<SecretRow & { key_id: string; sealed: Buffer }>(
    `find the ${inWords(key)}`,
    `SELECT ${secretColumns}, key_id, sealed FROM secrets
     WHERE space = $1 AND kind = $2 AND name = $3`,
    [key.space, key.kind, key.name],
  );
  if (row === undefined) return null;
  return { secret: toSecret(row), sealed: { keyId: row.key_id, bytes: row.sealed } };
}

export async function secretsOfApp(
  database: Database,
  app: string,
  instance: string,
): Promise<AppSecret[]> {
  const rows = await database.query<{
    variable: string;
    name: string;
    version: number | null;
    running_version: number | null;
    running_source: 'store' | 'file' | 'variable' | null;
  }>(
    `read which secrets app/${app} uses`,
    `SELECT used.key AS variable, used.value AS name, secrets.version,
       running.version AS running_version, running.source AS running_source
     FROM apps
     CROSS JOIN LATERAL jsonb_each_text(COALESCE(apps.spec -> 'secrets', '{}')) AS used
     LEFT JOIN secrets ON secrets.space = apps.space AND secrets.kind = 'value'
       AND secrets.name = used.value
     LEFT JOIN instance_secrets AS running ON running.instance = $2 AND running.name = used.value
     WHERE apps.name = $1 ORDER BY used.key`,
    [app, instance],
  );
  return rows.map(({ variable, name, version, running_source: source, running_version }) => ({
    variable,
    name,
    version,
    running: source === null ? null : { name, version: running_version, source },
  }));
}
