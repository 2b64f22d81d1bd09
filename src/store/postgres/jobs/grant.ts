import { jobEntity, jobInstanceName } from '../../../model/names.ts';
import type { QueuePlan } from '../../../model/queue.ts';
import type { Grant } from '../../job-ports.ts';
import type { Database, Query } from '../database.ts';
import { insertEvent } from '../events/append.ts';
import { settleVolumesIn } from '../volumes/settle.ts';
import { readMoment, type Limits } from './moment.ts';
import { tellJob } from './tell.ts';

/** Who gives out capacity waits for the one who is at it: so two never give the same. */
export const queueLockKey = 7_106_140;
const grantsAtOnce = 200;

export async function grantJobs(database: Database, limits: Limits): Promise<Grant[]> {
  if (!(await isWaiting(database))) return [];
  return database.transaction('give out capacity', async (query) => {
    await query('wait for others', 'SELECT pg_advisory_xact_lock($1)', [queueLockKey]);
    const { plan, jobs } = await readMoment(query, limits);
    const volumes = new Map(jobs.map((job) => [job.id, job.volumes]));
    const granted: Grant[] = [];
    for (const grant of plan.grants.slice(0, grantsAtOnce)) {
      const one = await write(query, grant, volumes);
      if (one !== null) granted.push(one);
    }
    return granted;
  });
}

export async function isWaiting(database: Database): Promise<boolean> {
  const rows = await database.query(
    'look whether a job waits',
    "SELECT FROM jobs WHERE state = 'queued' AND ready_at <= now() LIMIT 1",
  );
  return rows.length > 0;
}

/** Null when it was canceled since it was read. */
async function write(
  query: Query,
  grant: QueuePlan['grants'][number],
  volumesOf: ReadonlyMap<string, readonly string[]>,
): Promise<Grant | null> {
  const { job, host, devices } = grant;
  // Somebody else gave one of its volumes another home: the next look knows.
  const volumes = volumesOf.get(job) ?? [];
  if (!(await settleVolumesIn(query, volumes, host, jobEntity(job)))) return null;
  const [row] = await query<{
    number: string;
    attempt: number;
    cpus: number;
    memory_bytes: string;
  }>(
    `grant job/${job}`,
    `UPDATE jobs SET state = 'preparing', attempt = attempt + 1, host = $2, since = now(),
       updated_at = now(), detail = 'waiting for ' || $2, cause = NULL, exit = NULL,
       picked_up = false, lost = NULL
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
