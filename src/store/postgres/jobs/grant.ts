import { jobEntity, jobInstanceName } from '../../../model/names.ts';
import {
  planQueue,
  type QueueHost,
  type QueueJob,
  type QueueLease,
  type QueuePlan,
  type QueueRules,
} from '../../../model/queue.ts';
import type { Grant } from '../../job-ports.ts';
import type { Database, Query } from '../database.ts';
import { insertEvent } from '../events/append.ts';
import { tellJob } from './tell.ts';

/** Who gives out capacity waits for the one who is at it: so two never give the same. */
const queueLockKey = 7_106_135;
/** A host that was not heard for this long gets no new work. */
const silentAfterMs = 30_000;
/** Of each submitter so many are looked at; the others cannot be next. */
const perOwner = 500;
const grantsAtOnce = 200;

export async function grantJobs(database: Database, rules: QueueRules): Promise<Grant[]> {
  if (!(await isWaiting(database))) return [];
  return database.transaction('give out capacity', async (query) => {
    await query('wait for others', 'SELECT pg_advisory_xact_lock($1)', [queueLockKey]);
    const { grants } = await readPlan(query, rules);
    const granted: Grant[] = [];
    for (const grant of grants.slice(0, grantsAtOnce)) {
      const one = await write(query, grant);
      if (one !== null) granted.push(one);
    }
    return granted;
  });
}

export async function planJobs(database: Database, rules: QueueRules): Promise<QueuePlan> {
  return database.transaction('look at the queue', async (query) => {
    await query('see one moment', 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    return readPlan(query, rules);
  });
}

export async function isWaiting(database: Database): Promise<boolean> {
  const rows = await database.query(
    'look whether a job waits',
    "SELECT FROM jobs WHERE state = 'queued' AND ready_at <= now() LIMIT 1",
  );
  return rows.length > 0;
}

async function readPlan(query: Query, rules: QueueRules): Promise<QueuePlan> {
  const [hosts, leases, jobs] = [
    await readHosts(query),
    await readLeases(query),
    await readWaiting(query),
  ];
  return planQueue(hosts, leases, jobs, rules);
}

async function readHosts(query: Query): Promise<QueueHost[]> {
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
         AS takes_work
     FROM hosts ORDER BY name`,
    [silentAfterMs],
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

async function readLeases(query: Query): Promise<QueueLease[]> {
  const rows = await query<{
    job: string;
    owner: string;
    space: string;
    type: string | null;
    host: string;
    cpus: number;
    memory_bytes: string;
    devices: string[] | null;
  }>(
    'read leases',
    `SELECT job, owner, space, type, leases.host, leases.cpus, leases.memory_bytes,
       (SELECT array_agg(device) FROM device_leases WHERE device_leases.job = leases.job) AS devices
     FROM leases JOIN jobs ON jobs.id = leases.job`,
  );
  return rows.map(({ memory_bytes: memoryBytes, devices, ...row }) => ({
    ...row,
    memoryBytes: Number(memoryBytes),
    devices: devices ?? [],
  }));
}

async function readWaiting(query: Query): Promise<QueueJob[]> {
  const rows = await query<{
    id: string;
    number: string;
    owner: string;
    space: string;
    type: string | null;
    priority: number;
    waited_ms: number;
    cpus: number;
    memory_bytes: string;
    devices: number;
    runtime: 'docker' | 'process';
    wanted_host: string | null;
  }>(
    'read who waits',
    `SELECT job.* FROM (SELECT DISTINCT owner FROM jobs WHERE state = 'queued') AS submitter,
       LATERAL (
         SELECT id, number, owner, space, type, priority, cpus, memory_bytes, devices, runtime,
           wanted_host, greatest(0, extract(epoch FROM now() - queued_at) * 1000)::float8
             AS waited_ms
         FROM jobs WHERE state = 'queued' AND cancel IS NULL AND ready_at <= now()
           AND jobs.owner = submitter.owner
         ORDER BY priority DESC, queued_at, number LIMIT $1
       ) AS job`,
    [perOwner],
  );
  return rows.map((row) => ({
    id: row.id,
    number: Number(row.number),
    owner: row.owner,
    space: row.space,
    type: row.type,
    priority: row.priority,
    waitedMs: row.waited_ms,
    cpus: row.cpus,
    memoryBytes: Number(row.memory_bytes),
    devices: row.devices,
    runtime: row.runtime,
    host: row.wanted_host,
  }));
}

/** Null when it was canceled since it was read. */
async function write(query: Query, grant: QueuePlan['grants'][number]): Promise<Grant | null> {
  const { job, host, devices } = grant;
  const [row] = await query<{
    number: string;
    attempt: number;
    cpus: number;
    memory_bytes: string;
  }>(
    `grant job/${job}`,
    `UPDATE jobs SET state = 'preparing', attempt = attempt + 1, host = $2, since = now(),
       updated_at = now(), detail = 'waiting for ' || $2, cause = NULL, exit = NULL
     WHERE id = $1 AND state = 'queued' AND cancel IS NULL RETURNING number, attempt, cpus, memory_bytes`,
    [job, host],
  );
  if (row === undefined) return null;
  const { attempt } = row;
  await query(
    'write the lease',
    'INSERT INTO leases (job, attempt, host, cpus, memory_bytes) VALUES ($1, $2, $3, $4, $5)',
    [job, attempt, host, row.cpus, row.memory_bytes],
  );
  await query(
    'want no other instance',
    "UPDATE instances SET wanted = 'absent' WHERE entity = $1",
    [jobEntity(job)],
  );
  await query(
    'write the intent',
    `INSERT INTO instances (instance, entity, generation, host, wanted)
     VALUES ($1, $2, $3, $4, 'present')`,
    [jobInstanceName(Number(row.number), attempt), jobEntity(job), attempt, host],
  );
  if (devices.length > 0) {
    await query(
      'write the leases of devices',
      'INSERT INTO device_leases (host, device, job) SELECT $1, unnest($2::text[]), $3',
      [host, devices, job],
    );
  }
  await insertEvent(query, jobEntity(job), {
    actor: 'queue',
    what: 'granted',
    why: `there is room on ${host}`,
    data: { attempt, host, devices },
  });
  await tellJob(
    query,
    job,
    { kind: 'granted', attempt, host },
    { actor: 'queue', why: `there is room on ${host}` },
  );
  return { job, attempt, host };
}
