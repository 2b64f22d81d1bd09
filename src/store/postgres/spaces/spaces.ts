import { LabError } from '../../../model/failures.ts';
import type { By, Member, Space, SpaceStore } from '../../people-ports.ts';
import type { Role } from '../../../model/roles.ts';
import { takesPlace } from '../apps/place.ts';
import type { Database, Query } from '../database.ts';
import { insertEvent } from '../events/append.ts';

interface SpaceRow extends Record<string, unknown> {
  name: string;
  title: string;
  max_apps: number | null;
  max_awake_apps: number | null;
  max_running_jobs: number | null;
  max_queued_jobs: number | null;
  apps: number;
  awake_apps: number;
  running_jobs: number;
  queued_jobs: number;
  members: number;
  created_at: Date;
}

const selectSpaces = `SELECT name, title, max_apps, max_awake_apps, max_running_jobs, max_queued_jobs, created_at,
  (SELECT count(*) FROM apps WHERE space = spaces.name)::int AS apps,
  (SELECT count(*) FROM apps WHERE space = spaces.name AND ${takesPlace})::int AS awake_apps,
  (SELECT count(*) FROM leases JOIN jobs ON jobs.id = job WHERE space = spaces.name)::int
    AS running_jobs,
  (SELECT count(*) FROM jobs WHERE space = spaces.name AND state = 'queued')::int AS queued_jobs,
  (SELECT count(*) FROM members WHERE space = spaces.name)::int AS members FROM spaces`;

export async function findSpace(query: Query, name: string): Promise<Space | null> {
  const [row] = await query<SpaceRow>(`find space/${name}`, `${selectSpaces} WHERE name = $1`, [
    name,
  ]);
  return row === undefined ? null : toSpace(row);
}

export async function listSpaces(
  database: Database,
  page: Parameters<SpaceStore['list']>[0],
): Promise<Space[]> {
  const rows = await database.query<SpaceRow>(
    'list spaces',
    `${selectSpaces} WHERE ($1::text[] IS NULL OR name = ANY ($1)) AND name > $2
     ORDER BY name LIMIT $3`,
    [page.names ?? null, page.after ?? '', page.limit],
  );
  return rows.map(toSpace);
}

const quotas = ['maxApps', 'maxAwakeApps', 'maxRunningJobs', 'maxQueuedJobs'] as const;

export async function putSpace(
  database: Database,
  ...[name, change, by]: Parameters<SpaceStore['put']>
): ReturnType<SpaceStore['put']> {
  return database.transaction(`set space/${name}`, async (query) => {
    await query('lock', 'SELECT FROM spaces WHERE name = $1 FOR UPDATE', [name]);
    const before = await findSpace(query, name);
    const quota = (field: (typeof quotas)[number]) =>
      change[field] === undefined ? (before?.[field] ?? null) : change[field];
    const after = {
      title: change.title ?? before?.title ?? name,
      maxApps: quota('maxApps'),
      maxAwakeApps: quota('maxAwakeApps'),
      maxRunningJobs: quota('maxRunningJobs'),
      maxQueuedJobs: quota('maxQueuedJobs'),
    };
    const changed = (['title', ...quotas] as const).filter(
      // Of a new one what was set, not every limit that it does not have.
      (field) => (before?.[field] ?? null) !== after[field],
    );
    if (before !== null && changed.length === 0) return { outcome: 'unchanged', space: before };
    await query(
      'write',
      `INSERT INTO spaces (name, title, max_apps, max_awake_apps, max_running_jobs, max_queued_jobs)
       VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (name) DO UPDATE SET title = excluded.title, max_apps = excluded.max_apps,
         max_awake_apps = excluded.max_awake_apps, max_running_jobs = excluded.max_running_jobs,
         max_queued_jobs = excluded.max_queued_jobs`,
      [
        name,
        after.title,
        after.maxApps,
        after.maxAwakeApps,
        after.maxRunningJobs,
        after.maxQueuedJobs,
      ],
    );
    await insertEvent(query, `space/${name}`, {
      actor: by.actor,
      what: before === null ? 'added' : 'changed',
      why: changed.map((field) => `${field} ${after[field] ?? 'unlimited'}`).join(', '),
      data: { ...after, changed },
    });
    const space = await findSpace(query, name);
    if (space === null) throw new Error(`space/${name} vanished under its lock`);
    return { outcome: before === null ? 'created' : 'changed', space };
  });
}

export async function removeSpace(database: Database, name: string, by: By): Promise<void> {
  await database.transaction(`remove space/${name}`, async (query) => {
    await query('lock', 'SELECT FROM spaces WHERE name = $1 FOR UPDATE', [name]);
    const space = await findSpace(query, name);
    if (space === null) throw new LabError('not_found', `there is no space ${name}`);
    const refuse = (why: string): never => {
      throw new LabError('conflict', `cannot remove space/${name}: ${why}`);
    };
    if (name === 'default') refuse('it is the space of everything that names none');
    if (space.apps > 0) refuse(`${space.apps} apps are in it; remove or move them first`);
    const secrets = await query('look for secrets', 'SELECT name FROM secrets WHERE space = $1', [
      name,
    ]);
    if (secrets.length > 0) refuse(`${secrets.length} secrets are in it; remove them first`);
    const [{ volumes } = { volumes: 0 }] = await query<{ volumes: number }>(
      'count volumes',
      'SELECT count(*)::integer AS volumes FROM volumes WHERE space = $1',
      [name],
    );
    if (volumes > 0) refuse(`${volumes} volumes are in it; remove or move them first`);
    const [{ jobs } = { jobs: 0 }] = await query<{ jobs: number }>(
      'count jobs',
      'SELECT count(*)::integer AS jobs FROM jobs WHERE space = $1',
      [name],
    );
    if (jobs > 0) refuse(`${jobs} jobs are in it; remove them first`);
    const [{ types } = { types: 0 }] = await query<{ types: number }>(
      'count job types',
      'SELECT count(*)::integer AS types FROM job_types WHERE space = $1',
      [name],
    );
    const [{ sweeps } = { sweeps: 0 }] = await query<{ sweeps: number }>(
      'count sweeps',
      'SELECT count(*)::integer AS sweeps FROM sweeps WHERE space = $1',
      [name],
    );
    if (sweeps > 0) refuse(`${sweeps} sweeps are in it; remove them first`);
    if (types > 0) refuse(`${types} job types are in it; remove them first`);
    await insertEvent(query, `space/${name}`, { actor: by.actor, what: 'removed', why: 'removed' });
    await query('remove', 'DELETE FROM spaces WHERE name = $1', [name]);
  });
}

export async function listMembers(
  database: Database,
  space: string,
  page: { after?: string; limit: number },
): Promise<Member[]> {
  const rows = await database.query<{ person: string; title: string; role: Role; since: Date }>(
    `list members of space/${space}`,
    `SELECT person, title, role, since FROM members JOIN people ON people.name = members.person
     WHERE space = $1 AND person > $2 ORDER BY person LIMIT $3`,
    [space, page.after ?? '', page.limit],
  );
  return rows.map(({ since, ...row }) => ({ ...row, since: since.toISOString() }));
}

export async function setRole(
  database: Database,
  ...[space, person, role, by]: Parameters<SpaceStore['setRole']>
): Promise<void> {
  await database.transaction(`set the role of ${person} in space/${space}`, async (query) => {
    const [there] = await query<{ space: boolean; person: boolean }>(
      'look for both',
      `SELECT EXISTS (SELECT FROM spaces WHERE name = $1) AS space,
         EXISTS (SELECT FROM people WHERE name = $2) AS person`,
      [space, person],
    );
    if (!there?.space) throw new LabError('not_found', `there is no space ${space}`);
    if (!there.person) throw new LabError('not_found', `there is no person ${person}`);
    const changed =
      role === null
        ? await query(
            'remove',
            'DELETE FROM members WHERE space = $1 AND person = $2 RETURNING 1',
            [space, person],
          )
        : await query(
            'write',
            `INSERT INTO members (space, person, role) VALUES ($1, $2, $3)
             ON CONFLICT (space, person) DO UPDATE SET role = excluded.role, since = now()
             WHERE members.role <> excluded.role RETURNING 1`,
            [space, person, role],
          );
    if (changed.length === 0) return;
    await insertEvent(query, `space/${space}`, {
      actor: by.actor,
      what: role === null ? 'member removed' : 'member set',
      why: role === null ? `${person} is no member any more` : `${person} is ${role}`,
      data: { person, role },
    });
  });
}

function toSpace(row: SpaceRow): Space {
  return {
    name: row.name,
    title: row.title,
    maxApps: row.max_apps,
    maxAwakeApps: row.max_awake_apps,
    maxRunningJobs: row.max_running_jobs,
    maxQueuedJobs: row.max_queued_jobs,
    apps: row.apps,
    awakeApps: row.awake_apps,
    runningJobs: row.running_jobs,
    queuedJobs: row.queued_jobs,
    members: row.members,
    createdAt: row.created_at.toISOString(),
  };
}
