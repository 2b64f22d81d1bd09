import {
  planQueue,
  type Hold,
  type QueueHost,
  type QueueJob,
  type QueueLease,
} from '../../../model/queue.ts';
import type { QueueLimits, QueueMoment } from '../../job-ports.ts';
import type { Database, Query } from '../database.ts';

/** Of each submitter, and of each sweep, so many are looked at; the others cannot be next. */
const perLine = 200;
/** So many of its like tell how long a job runs. */
const likes = 50;

/** What callers and the store's own settings limit together. */
export type Limits = QueueLimits & { hostSilentMs: number };

/** The queue as one transaction sees it, with how long things will take. */
export async function readQueue(database: Database, limits: Limits): Promise<QueueMoment> {
  return database.transaction('look at the queue', async (query) => {
    await query('see one moment', 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const moment = await readMoment(query, limits);
    const expected = await readDurations(query, [
      ...new Set([...moment.leases, ...moment.jobs].map(({ likeness }) => likeness)),
    ]);
    const expectedOf = (likeness: string) => expected.get(likeness) ?? null;
    return {
      ...moment,
      holds: await query<QueueMoment['holds'][number]>(
        'read holds',
        `SELECT scope, actor, why, to_char(since AT TIME ZONE 'UTC',
           'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS since FROM holds ORDER BY scope`,
      ),
      leases: moment.leases.map(({ likeness, ranMs, ...lease }) => {
        const wholeMs = expectedOf(likeness);
        return { ...lease, leftMs: wholeMs === null ? null : Math.max(0, wholeMs - ranMs) };
      }),
      jobs: moment.jobs.map(({ likeness, volumes: _named, ...job }) => ({
        ...job,
        expectedMs: expectedOf(likeness),
      })),
    };
  });
}

/** What decides who goes next, and what comes of it. */
export async function readMoment(query: Query, limits: Limits) {
  const hosts = await readHosts(query, limits.hostSilentMs);
  const leases = await readLeases(query);
  const jobs = await readWaiting(query);
  const rules = { ...limits, ...(await readCaps(query)) };
  return { hosts, leases, jobs, rules, plan: planQueue(hosts, leases, jobs, rules) };
}

/** One that is not heard of, or has yet to end what it had when it was given up, gets no new work. */
async function readHosts(query: Query, silentMs: number): Promise<QueueHost[]> {
  const rows = await query<{
    name: string;
    job_cpus: number;
    job_memory_bytes: string;
    devices: { id: string }[];
    runtimes: { kind: 'docker' | 'process'; ready: boolean }[];
    takes_work: boolean;
  }>(
    'read hosts',
    `SELECT name, job_cpus, job_memory_bytes, devices, runtimes,
       seen_at > now() - $1::float8 * interval '1 ms' AND storage ->> 'state' <> 'full'
         AND epoch = settled_epoch
         AS takes_work
     FROM hosts ORDER BY name`,
    [silentMs],
  );
  return rows.map((row) => ({
    name: row.name,
    cpus: row.job_cpus,
    memoryBytes: Number(row.job_memory_bytes),
    devices: row.devices.map(({ id }) => id),
    runtimes: row.runtimes.filter(({ ready }) => ready).map(({ kind }) => kind),
    takesWork: row.takes_work,
  }));
}

async function readLeases(query: Query) {
  const rows = await query<{
    job: string;
    owner: string;
    space: string;
    type: string | null;
    likeness: string;
    sweep: string | null;
    host: string;
    cpus: number;
    memory_bytes: string;
    devices: string[] | null;
    ran_ms: number;
  }>(
    'read leases',
    `SELECT job, owner, space, type, likeness, sweep, leases.host, leases.cpus, leases.memory_bytes,
       (SELECT array_agg(device) FROM device_leases WHERE device_leases.job = leases.job) AS devices,
       greatest(0, extract(epoch FROM now() - COALESCE(started_at, now())) * 1000)::float8 AS ran_ms
     FROM leases JOIN jobs ON jobs.id = leases.job`,
  );
  return rows.map(({ memory_bytes: memoryBytes, ran_ms: ranMs, devices, ...row }) => ({
    ...row,
    ranMs,
    memoryBytes: Number(memoryBytes),
    devices: devices ?? [],
  })) satisfies QueueLease[];
}

/** What is held comes last: it must not hide what could go. */
async function readWaiting(query: Query) {
  const rows = await query<{
    id: string;
    number: string;
    owner: string;
    space: string;
    type: string | null;
    likeness: string;
    priority: number;
    waited_ms: number;
    cpus: number;
    memory_bytes: string;
    devices: number;
    runtime: 'docker' | 'process';
    wanted_host: string | null;
    hold: Hold | null;
    volumes: string[];
    volumes_on: string[];
    sweep: string | null;
    max_parallel: number | null;
  }>(
    'read who waits',
    `SELECT job.*, sweeps.id AS sweep, sweeps.max_parallel FROM (SELECT DISTINCT owner, sweep FROM jobs WHERE state = 'queued') AS line
       LEFT JOIN sweeps ON sweeps.id = line.sweep,
       LATERAL (
         SELECT id, number, owner, space, type, likeness, priority, jobs.cpus, memory_bytes,
           devices, runtime, wanted_host,
           greatest(0, extract(epoch FROM now() - queued_at) * 1000)::float8 AS waited_ms,
           CASE WHEN hold IS NOT NULL THEN hold || '{"of": "job"}'
             ELSE (SELECT jsonb_build_object('actor', actor, 'why', why,
                 'of', split_part(scope, '/', 1))
               FROM holds WHERE scope IN ('queue', 'space/' || space) ORDER BY scope LIMIT 1)
           END AS hold,
           ARRAY(SELECT mount ->> 'volume' FROM jsonb_array_elements(spec -> 'volumes') AS mount)
             AS volumes,
           ARRAY(SELECT DISTINCT volumes.host FROM volumes, jsonb_array_elements(spec -> 'volumes') AS mount
             WHERE volumes.name = mount ->> 'volume' AND volumes.host IS NOT NULL
             ORDER BY volumes.host) AS volumes_on
         FROM jobs WHERE state = 'queued' AND cancel IS NULL AND ready_at <= now()
           AND jobs.owner = line.owner AND jobs.sweep IS NOT DISTINCT FROM line.sweep
         ORDER BY hold IS NOT NULL, priority DESC, queued_at, number LIMIT $1
       ) AS job`,
    [perLine],
  );
  return rows.map((row) => ({
    id: row.id,
    number: Number(row.number),
    owner: row.owner,
    space: row.space,
    type: row.type,
    likeness: row.likeness,
    priority: row.priority,
    waitedMs: row.waited_ms,
    cpus: row.cpus,
    memoryBytes: Number(row.memory_bytes),
    devices: row.devices,
    runtime: row.runtime,
    host: row.wanted_host,
    hold: row.hold,
    volumes: row.volumes,
    volumesOn: row.volumes_on,
    sweep: row.sweep === null ? null : { id: row.sweep, maxParallel: row.max_parallel },
  })) satisfies QueueJob[];
}

async function readCaps(query: Query) {
  const rows = await query<{ name: string; most: number }>(
    'read limits of spaces',
    'SELECT name, max_running_jobs AS most FROM spaces WHERE max_running_jobs IS NOT NULL',
  );
  const types = await query<{ name: string; most: number }>(
    'read limits of types',
    'SELECT name, max_running AS most FROM job_types WHERE max_running IS NOT NULL',
  );
  return {
    maxRunningOfSpace: Object.fromEntries(rows.map(({ name, most }) => [name, most])),
    maxRunningOfType: Object.fromEntries(types.map(({ name, most }) => [name, most])),
  };
}

/** The median of the last ones, by likeness. */
async function readDurations(query: Query, wanted: string[]): Promise<Map<string, number>> {
  const rows = await query<{ likeness: string; median_ms: number }>(
    'read how long the like took',
    `SELECT likeness, (
       SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY took) FROM (
         SELECT extract(epoch FROM finished_at - started_at) * 1000 AS took FROM jobs
         WHERE jobs.likeness = wanted.likeness AND state = 'succeeded' AND started_at IS NOT NULL
         ORDER BY finished_at DESC LIMIT $2
       ) AS last)::float8 AS median_ms
     FROM unnest($1::text[]) AS wanted (likeness)`,
    [wanted, likes],
  );
  return new Map(
    rows.flatMap(({ likeness, median_ms: medianMs }) =>
      medianMs === null ? [] : [[likeness, medianMs] as const],
    ),
  );
}
