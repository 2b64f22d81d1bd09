import type { Learned } from '../../../model/app-spec.ts';
import type { EntityName } from '../../../model/names.ts';
import type { AppChange, Mark } from '../../ports.ts';
import type { Database, Query } from '../database.ts';
import { insertEvent } from '../events/append.ts';

export async function advanceApp(
  database: Database,
  name: string,
  mark: Mark,
  change: AppChange,
): Promise<boolean> {
  return database.transaction(`write a step of app/${name}`, async (query) => {
    const order = await compareMark(query, name, mark);
    if (order === 'older') return false;
    if (order === 'equal') return true;
    await writeCondition(query, name, mark, change);
    await raiseGeneration(query, name, mark, change);
    if (change.learned !== undefined) await writeLearned(query, name, change.learned);
    if (change.route !== undefined) await writeRoute(query, name, change.route);
    if (change.intent !== undefined) await writeIntent(query, name, change.intent);
    if (change.event !== undefined) await insertEvent(query, `app/${name}`, change.event);
    await finishOperations(query, `app/${name}`, change.finish ?? []);
    return true;
  });
}

/** How `mark` stands to the row's, whose lock is taken. An app that is gone is past every mark. */
export async function compareMark(
  query: Query,
  name: string,
  mark: Mark,
): Promise<'older' | 'equal' | 'newer'> {
  const [row] = await query<{ life: string; revision: string }>(
    'lock',
    'SELECT life, revision FROM apps WHERE name = $1 FOR NO KEY UPDATE',
    [name],
  );
  if (row === undefined) return 'older';
  const stored = { life: Number(row.life), revision: Number(row.revision) };
  const ahead = mark.life - stored.life || mark.revision - stored.revision;
  if (ahead === 0) return 'equal';
  return ahead > 0 ? 'newer' : 'older';
}

export async function finishOperations(
  query: Query,
  entity: EntityName,
  finish: NonNullable<AppChange['finish']>,
): Promise<void> {
  if (finish.length === 0) return;
  await query(
    'finish operations',
    `UPDATE operations SET state = over.state, detail = over.detail, finished_at = now()
     FROM jsonb_to_recordset($2::jsonb) AS over (id text, state text, detail text)
     WHERE operations.id = over.id AND entity = $1 AND operations.state = 'accepted'`,
    [entity, JSON.stringify(finish)],
  );
}

type Condition = NonNullable<AppChange['condition']>;

/** How a field of the condition becomes a column; `$` stands for its parameter. */
const columns: Readonly<Record<keyof Condition, { column: string; sql: string; json?: true }>> = {
  wanted: { column: 'wanted', sql: '$::text' },
  phase: { column: 'phase', sql: '$::text' },
  generation: { column: 'generation', sql: '$::integer' },
  host: { column: 'host', sql: '$::text' },
  actor: { column: 'actor', sql: '$::text' },
  why: { column: 'why', sql: '$::text' },
  detail: { column: 'detail', sql: '$::text' },
  exit: { column: 'exit', sql: '$::jsonb', json: true },
  lastLogLines: { column: 'last_log_lines', sql: '$::jsonb', json: true },
  restartInMs: { column: 'restart_at', sql: "now() + $::float8 * interval '1 ms'" },
  sleepsInMs: { column: 'sleeps_at', sql: "now() + $::float8 * interval '1 ms'" },
};

async function writeCondition(
  query: Query,
  name: string,
  mark: Mark,
  { condition = {}, beginsAnew = false }: AppChange,
): Promise<void> {
  const values: unknown[] = [
    name,
    mark.life,
    mark.revision,
    condition.phase ?? null,
    condition.wanted ?? null,
    beginsAnew,
  ];
  const assignments: string[] = [];
  for (const [field, { column, sql, json }] of Object.entries(columns)) {
    const value = condition[field as keyof Condition];
    if (value === undefined) continue;
    values.push(json === true && value !== null ? JSON.stringify(value) : value);
    assignments.push(`, ${column} = ${sql.replace('$', `$${values.length}`)}`);
  }
  await query(
    'write the condition',
    `UPDATE apps SET life = $2, revision = $3, updated_at = now(),
       since = CASE WHEN $6 OR COALESCE($4, phase) <> phase OR COALESCE($5, wanted) <> wanted
         THEN now() ELSE since END
       ${assignments.join('')}
     WHERE name = $1`,
    values,
  );
}

async function writeLearned(query: Query, name: string, learned: Learned): Promise<void> {
  await query('write what the start found out', 'UPDATE apps SET learned = $2 WHERE name = $1', [
    name,
    JSON.stringify(learned),
  ]);
}

/** The floor below which no new instance is named, also after a removal. */
async function raiseGeneration(
  query: Query,
  name: string,
  mark: Mark,
  change: AppChange,
): Promise<void> {
  const generation = Math.max(
    change.condition?.generation ?? 0,
    change.intent?.generation ?? 0,
    change.route?.generation ?? 0,
  );
  await query(
    'remember the generation',
    `INSERT INTO lives (entity, life, generation) VALUES ($1, $2, $3)
     ON CONFLICT (entity) DO UPDATE SET generation = excluded.generation
     WHERE lives.generation < excluded.generation`,
    [`app/${name}`, mark.life, generation],
  );
}

async function writeRoute(
  query: Query,
  name: string,
  route: NonNullable<AppChange['route']> | null,
): Promise<void> {
  await query('forget words on the route', 'DELETE FROM route_words WHERE app = $1', [name]);
  if (route === null) {
    await query('take the route away', 'DELETE FROM routes WHERE app = $1', [name]);
    return;
  }
  await query(
    'publish the route',
    `INSERT INTO routes (app, generation, host, address, port) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (app) DO UPDATE SET generation = excluded.generation, host = excluded.host,
       address = excluded.address, port = excluded.port, state = 'open', close_id = NULL,
       ready_at = now()`,
    [name, route.generation, route.host, route.address, route.port],
  );
  await query(
    'count being ready as use',
    `INSERT INTO app_use (app, last_use_at, reason) VALUES ($1, now(), 'became ready')
     ON CONFLICT (app) DO UPDATE SET last_use_at = now(), reason = excluded.reason,
       disconnected_at = NULL`,
    [name],
  );
}

async function writeIntent(
  query: Query,
  name: string,
  intent: NonNullable<AppChange['intent']>,
): Promise<void> {
  const { instance, generation, host, wanted } = intent;
  if (wanted === 'present') {
    await query(
      'want no other instance',
      "UPDATE instances SET wanted = 'absent' WHERE entity = $1 AND instance <> $2",
      [`app/${name}`, instance],
    );
  }
  await query(
    'write the intent',
    `INSERT INTO instances (instance, entity, generation, host, wanted)
     VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (instance) DO UPDATE SET host = excluded.host, wanted = excluded.wanted`,
    [instance, `app/${name}`, generation, host, wanted],
  );
}
