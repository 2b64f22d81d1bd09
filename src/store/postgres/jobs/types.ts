import { canonicalJson } from '../../../model/canonical-json.ts';
import { LabError } from '../../../model/failures.ts';
import { jobTypeSpecSchema } from '../../../model/job-type.ts';
import { jobTypeEntity } from '../../../model/names.ts';
import type { JobType, JobTypeStore } from '../../job-ports.ts';
import type { Database, Query } from '../database.ts';
import { insertEvent } from '../events/append.ts';

interface TypeRow extends Record<string, unknown> {
  name: string;
  space: string;
  owner: string;
  spec: unknown;
  revision: number;
  created_at: Date;
  updated_at: Date;
}

const columns = 'name, space, owner, spec, revision, created_at, updated_at';

/** Job types on PostgreSQL. */
export function jobTypeStore(database: Database): JobTypeStore {
  return {
    put: (input) => putType(database, input),
    find: (name) => findType(database.query, name, ''),
    async list({ spaces, after, limit }) {
      const rows = await database.query<TypeRow>(
        'list job types',
        `SELECT ${columns} FROM job_types
         WHERE ($1::text[] IS NULL OR space = ANY ($1)) AND name > $2 ORDER BY name LIMIT $3`,
        [spaces, after ?? '', limit],
      );
      return rows.map(toType);
    },
    remove: (name, actor) => removeType(database, name, actor),
  };
}

async function putType(
  database: Database,
  { name, owner, actor, spec, check }: Parameters<JobTypeStore['put']>[0],
): ReturnType<JobTypeStore['put']> {
  return database.transaction(`set job-type/${name}`, async (query) => {
    // Two that make the same one: the second waits here, and finds the first.
    await query('wait for others', 'SELECT pg_advisory_xact_lock(7106136, hashtext($1))', [name]);
    const before = await findType(query, name, 'FOR UPDATE');
    check(before);
    if (before !== null && canonicalJson(before.spec) === canonicalJson(spec)) {
      return { outcome: 'unchanged' as const, type: before };
    }
    const [space] = await query('find its space', 'SELECT FROM spaces WHERE name = $1', [
      spec.space,
    ]);
    if (space === undefined) {
      throw new LabError(
        'invalid',
        `cannot set job-type/${name}: there is no space named ${spec.space}`,
        { details: { space: spec.space } },
      );
    }
    const [row] = await query<TypeRow>(
      'write it',
      `INSERT INTO job_types (name, space, owner, spec, max_running)
       VALUES ($1, $2, $3, $4::jsonb, $5)
       ON CONFLICT (name) DO UPDATE SET space = excluded.space, spec = excluded.spec,
         max_running = excluded.max_running, revision = job_types.revision + 1, updated_at = now()
       RETURNING ${columns}`,
      [name, spec.space, owner, JSON.stringify(spec), spec.maxRunning],
    );
    if (row === undefined) throw new Error(`job-type/${name} vanished under its lock`);
    const type = toType(row);
    const outcome = before === null ? ('created' as const) : ('replaced' as const);
    await insertEvent(query, jobTypeEntity(name), {
      actor,
      what: outcome === 'created' ? 'registered' : 'replaced',
      why: `definition ${type.revision}`,
    });
    return { outcome, type };
  });
}

async function removeType(database: Database, name: string, actor: string): Promise<void> {
  await database.transaction(`remove job-type/${name}`, async (query) => {
    if ((await findType(query, name, 'FOR UPDATE')) === null) {
      throw new LabError('not_found', `there is no job type ${name}`);
    }
    const active = await query<{ id: string }>(
      'look for jobs of it',
      'SELECT id FROM jobs WHERE type = $1 AND finished_at IS NULL ORDER BY number LIMIT 5',
      [name],
    );
    if (active.length > 0) {
      const named = active.map(({ id }) => `job/${id}`).join(', ');
      throw new LabError(
        'conflict',
        `cannot remove job-type/${name}: jobs of it wait or run (${named}). Cancel them, or wait for their end`,
        { details: { jobs: active.map(({ id }) => id) } },
      );
    }
    await insertEvent(query, jobTypeEntity(name), { actor, what: 'removed', why: 'removed' });
    await query('remove', 'DELETE FROM job_types WHERE name = $1', [name]);
  });
}

async function findType(query: Query, name: string, lock: string): Promise<JobType | null> {
  const [row] = await query<TypeRow>(
    `find job-type/${name}`,
    `SELECT ${columns} FROM job_types WHERE name = $1 ${lock}`,
    [name],
  );
  return row === undefined ? null : toType(row);
}

function toType(row: TypeRow): JobType {
  const parsed = jobTypeSpecSchema.safeParse(row.spec);
  if (!parsed.success) {
    throw new Error(`cannot read the definition of job-type/${row.name}: ${parsed.error.message}`);
  }
  return {
    ...{ name: row.name, space: row.space, owner: row.owner, revision: row.revision },
    spec: parsed.data,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}
