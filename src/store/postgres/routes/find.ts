import type { AppRoute } from '../../ports.ts';
import { conditionColumns, toCondition, toSpec, type AppRow } from '../apps/row.ts';
import type { Database } from '../database.ts';

interface RouteRow extends AppRow {
  route_generation: number | null;
  address: string | null;
  port: number | null;
  state: 'open' | 'closing' | null;
  close_id: string | null;
  aliases: AppRoute['aliases'];
}

const selectRoutes = `SELECT apps.name, apps.spec, apps.learned, ${conditionColumns},
    routes.generation AS route_generation, routes.address, routes.port, routes.state,
    routes.close_id, COALESCE((
      SELECT jsonb_agg(jsonb_build_object('family', family, 'id', external_id))
      FROM foreign_ids WHERE foreign_ids.app = apps.name), '[]') AS aliases
  FROM apps LEFT JOIN routes ON routes.app = apps.name`;

/** In pages, so that thousands of apps never hold up what else the process does for long. */
const pageSize = 500;

export async function allRoutes(database: Database): Promise<AppRoute[]> {
  const routes: AppRoute[] = [];
  for (let after = ''; ;) {
    const rows = await database.query<RouteRow>(
      'read all routes',
      `${selectRoutes} WHERE apps.name > $1 ORDER BY apps.name LIMIT $2`,
      [after, pageSize],
    );
    routes.push(...rows.map(toRoute));
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageSize) return routes;
    after = last.name;
  }
}

export async function findRoute(database: Database, app: string): Promise<AppRoute | null> {
  const [row] = await database.query<RouteRow>(
    `read the route of app/${app}`,
    `${selectRoutes} WHERE apps.name = $1`,
    [app],
  );
  return row === undefined ? null : toRoute(row);
}

export async function findRouteByAlias(
  database: Database,
  family: string,
  externalId: string,
): Promise<AppRoute | null> {
  const [row] = await database.query<RouteRow>(
    `read the route of ${family} ${externalId}`,
    `${selectRoutes} WHERE apps.name = (
       SELECT app FROM foreign_ids WHERE family = $1 AND external_id = $2)`,
    [family, externalId],
  );
  return row === undefined ? null : toRoute(row);
}

function toRoute(row: RouteRow): AppRoute {
  const { route_generation: generation, address, port, state } = row;
  const spec = toSpec(row.name, row.spec);
  const isThere = generation !== null && address !== null && port !== null && state !== null;
  return {
    app: row.name,
    title: spec.title ?? null,
    spec,
    learned: row.learned,
    condition: toCondition(row),
    aliases: row.aliases,
    target: isThere ? { generation, address, port, state } : null,
    closeId: row.close_id,
  };
}
