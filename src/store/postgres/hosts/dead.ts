import type { Cause } from '../../../model/app-state.ts';
import { LabError } from '../../../model/failures.ts';
import type { HostStore } from '../../ports.ts';
import type { Database } from '../database.ts';
import { insertEvent } from '../events/append.ts';
import { queueLockKey } from '../jobs/grant.ts';
import { loseAttempt, type HeldAttempt } from '../jobs/lose.ts';

/** The host's row is locked: a heartbeat that comes meanwhile is told of the new epoch. */
export async function declareDead(
  database: Database,
  name: string,
  cause: Cause,
  silentMs: number,
): ReturnType<HostStore['declareDead']> {
  return database.transaction(`declare host/${name} dead`, async (query) => {
    // Who gives out capacity right now may give some of this host.
    await query('wait for others', 'SELECT pg_advisory_xact_lock($1)', [queueLockKey]);
    const [host] = await query<{ ago_ms: number }>(
      'lock',
      `SELECT extract(epoch FROM now() - seen_at)::float8 * 1000 AS ago_ms
       FROM hosts WHERE name = $1 FOR UPDATE`,
      [name],
    );
    if (host === undefined) {
      throw new LabError('not_found', `cannot declare host/${name} dead: there is no such host`);
    }
    if (host.ago_ms < silentMs) {
      const agoSeconds = Math.max(0, Math.round(host.ago_ms / 1000));
      throw new LabError(
        'conflict',
        `cannot declare host/${name} dead: it was heard of ${agoSeconds} s ago. Stop its worker first, or cancel its jobs`,
        { details: { host: name } },
      );
    }
    const { actor, why } = cause;
    await query('begin a new epoch', 'UPDATE hosts SET epoch = epoch + 1 WHERE name = $1', [name]);
    const held = await query<HeldAttempt>(
      'find what it holds',
      `SELECT jobs.id, jobs.number, jobs.attempt, leases.host FROM leases
         JOIN jobs ON jobs.id = leases.job WHERE leases.host = $1 ORDER BY jobs.number`,
      [name],
    );
    const jobs: string[] = [];
    for (const one of held) {
      const told = { actor, why: `host/${name} was declared dead: ${why}` };
      if (await loseAttempt(query, one, told)) jobs.push(one.id);
    }
    await insertEvent(query, `host/${name}`, {
      actor,
      what: 'declared dead',
      why,
      data: { jobs: jobs.length },
    });
    return { jobs };
  });
}

/** Whatever it had before is gone from it. False when it was given up once more meanwhile. */
export async function settleHost(
  database: Database,
  name: string,
  epoch: number,
): Promise<boolean> {
  const rows = await database.query(
    `take host/${name} back`,
    'UPDATE hosts SET settled_epoch = $2 WHERE name = $1 AND epoch = $2 RETURNING name',
    [name, epoch],
  );
  return rows.length > 0;
}

export async function silentHosts(
  database: Database,
  silentMs: number,
): ReturnType<HostStore['silent']> {
  const rows = await database.query<{ name: string; seen_at: Date }>(
    'look for silent hosts',
    `SELECT name, seen_at FROM hosts WHERE seen_at < now() - $1::float8 * interval '1 ms'`,
    [silentMs],
  );
  return new Map(rows.map(({ name, seen_at: seenAt }) => [name, seenAt.toISOString()]));
}
