import { LabError } from '../../../model/failures.ts';
import type { DeviceLoginStore } from '../../people-ports.ts';
import type { Database } from '../database.ts';

/** Everybody may begin one: what is pending is bounded. */
const maxPending = 1_000;

export async function addDeviceLogin(
  database: Database,
  input: Parameters<DeviceLoginStore['add']>[0],
): Promise<void> {
  const { digest, userCode, label, lastsMs } = input;
  const made = await database.query(
    'begin a login of a program',
    `INSERT INTO device_logins (digest, user_code, label, expires_at)
     SELECT $1, $2, $3, now() + $4 * interval '1 millisecond'
     WHERE (SELECT count(*) FROM device_logins WHERE expires_at > now() AND taken_at IS NULL) < $5
     RETURNING 1`,
    [digest, userCode, label, lastsMs, maxPending],
  );
  if (made.length > 0) return;
  throw new LabError(
    'quota_exceeded',
    `cannot begin a login: ${maxPending} are waiting for their person; try again in some minutes`,
  );
}

export async function findDeviceLogin(
  database: Database,
  userCode: string,
): Promise<{ label: string } | null> {
  const [row] = await database.query<{ label: string }>(
    'find a login of a program',
    `SELECT label FROM device_logins
     WHERE user_code = $1 AND person IS NULL AND taken_at IS NULL AND expires_at > now()`,
    [userCode],
  );
  return row ?? null;
}

/** The update is the judge: a code is confirmed once, by one person. */
export async function confirmDeviceLogin(
  database: Database,
  userCode: string,
  person: string,
): Promise<boolean> {
  const rows = await database.query(
    'confirm a login of a program',
    `UPDATE device_logins SET person = $2
     WHERE user_code = $1 AND person IS NULL AND taken_at IS NULL AND expires_at > now() RETURNING 1`,
    [userCode, person],
  );
  return rows.length > 0;
}

export async function takeDeviceLogin(
  database: Database,
  digest: Buffer,
): ReturnType<DeviceLoginStore['take']> {
  const [taken] = await database.query<{ person: string; label: string }>(
    'take a confirmed login',
    `UPDATE device_logins SET taken_at = now()
     WHERE digest = $1 AND person IS NOT NULL AND taken_at IS NULL AND expires_at > now()
     RETURNING person, label`,
    [digest],
  );
  if (taken !== undefined) return taken;
  const [pending] = await database.query(
    'look for a pending login',
    'SELECT FROM device_logins WHERE digest = $1 AND person IS NULL AND expires_at > now()',
    [digest],
  );
  return pending === undefined ? 'over' : 'pending';
}
