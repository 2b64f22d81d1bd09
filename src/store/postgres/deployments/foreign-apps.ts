import { deploymentEntity } from '../../../model/names.ts';
import type { ForeignApp, ForeignIdStore } from '../../deployment-ports.ts';
import { appColumns, toApp, type AppRow } from '../apps/row.ts';
import type { Database } from '../database.ts';
import { deploymentColumns, deploymentTables, toDeployment, type DeploymentRow } from './find.ts';

interface ForeignRow extends AppRow {
  external_id: string;
  record: Record<string, unknown>;
  serves: boolean;
}

const selectForeign = `SELECT foreign_ids.external_id, foreign_ids.record, ${appColumns},
    routes.app IS NOT NULL AS serves
  FROM foreign_ids JOIN apps ON apps.name = foreign_ids.app
    LEFT JOIN routes ON routes.app = apps.name`;

export async function findForeignApp(
  database: Database,
  family: string,
  externalId: string,
): Promise<ForeignApp | null> {
  const rows = await database.query<ForeignRow>(
    `find ${family} ${externalId}`,
    `${selectForeign} WHERE family = $1 AND external_id = $2`,
    [family, externalId],
  );
  return (await withDeployments(database, rows))[0] ?? null;
}

export async function listForeignApps(
  database: Database,
  page: Parameters<ForeignIdStore['list']>[0],
): Promise<ForeignApp[]> {
  const rows = await database.query<ForeignRow>(
    `list ${page.family}`,
    `${selectForeign} WHERE family = $1 AND external_id COLLATE "C" > $2
     ORDER BY external_id COLLATE "C" LIMIT $3`,
    [page.family, page.after ?? '', page.limit],
  );
  return withDeployments(database, rows);
}

async function withDeployments(
  database: Database,
  rows: readonly ForeignRow[],
): Promise<ForeignApp[]> {
  const newest = await database.query<DeploymentRow>(
    'find their newest deployments',
    `SELECT DISTINCT ON (entity) ${deploymentColumns} FROM ${deploymentTables}
     WHERE entity = ANY ($1) ORDER BY entity, place DESC`,
    [rows.map(({ name }) => deploymentEntity(name))],
  );
  const byApp = new Map(newest.map((row) => [row.app, toDeployment(row)]));
  return rows.map((row) => ({
    externalId: row.external_id,
    record: row.record,
    app: toApp(row),
    serves: row.serves,
    deployment: byApp.get(row.name) ?? null,
  }));
}
