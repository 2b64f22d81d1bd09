import type { Authenticated, By, Session, SessionStore } from '../../people-ports.ts';
import type { Database } from '../database.ts';
import { insertEvent } from '../events/append.ts';
import { personColumns, toPerson, type PersonRow } from '../people/row.ts';

interface SessionRow extends Record<string, unknown> {
  id: string;
  person: string;
  via: string;
  agent: string;
  created_at: Date;
  expires_at: Date;
  last_seen_at: Date;
}

const sessionColumns = 'id, person, via, agent, created_at, expires_at, last_seen_at';

export async function openSession(
  database: Database,
  input: Parameters<SessionStore['open']>[0],
): Promise<Session> {
  const { digest, person, via, agent, lastsMs } = input;
  return database.transaction(`log ${person} in`, async (query) => {
    const [row] = await query<SessionRow>(
      'insert',
      `INSERT INTO sessions (digest, person, via, agent, expires_at)
       VALUES ($1, $2, $3, $4, now() + $5 * interval '1 millisecond') RETURNING ${sessionColumns}`,
      [digest, person, via, agent.slice(0, 300), lastsMs],
    );
    if (row === undefined) throw new Error(`no session was made for ${person}`);
    await insertEvent(query, `person/${person}`, {
      actor: person,
      what: 'logged in',
      why: via,
      data: { session: row.id },
    });
    return toSession(row);
  });
}

/** One statement on the hot path; the marks of being seen are written at most once a minute. */
export async function authenticateSession(
  database: Database,
  digest: Buffer,
): Promise<Authenticated | null> {
  const [row] = await database.query<PersonRow & { id: string; expires_at: Date; stale: boolean }>(
    'find whose session it is',
    `SELECT ${personColumns}, sessions.id, sessions.expires_at,
       sessions.last_seen_at < now() - interval '1 minute' OR people.last_seen_at IS NULL AS stale
     FROM sessions JOIN people ON people.name = sessions.person
     WHERE digest = $1 AND expires_at > now() AND NOT disabled`,
    [digest],
  );
  if (row === undefined) return null;
  if (row.stale) {
    await database.query(
      'note that a session was seen',
      `WITH seen AS (UPDATE sessions SET last_seen_at = now() WHERE id = $1 RETURNING person)
       UPDATE people SET last_seen_at = now() FROM seen WHERE name = seen.person`,
      [row.id],
    );
  }
  return { person: toPerson(row), credential: row.id, expiresAt: row.expires_at.toISOString() };
}

export async function listSessions(database: Database, person: string): Promise<Session[]> {
  const rows = await database.query<SessionRow>(
    `list sessions of ${person}`,
    `SELECT ${sessionColumns} FROM sessions WHERE person = $1 AND expires_at > now()
     ORDER BY last_seen_at DESC LIMIT 200`,
    [person],
  );
  return rows.map(toSession);
}

export async function endSessions(
  database: Database,
  person: string,
  id: string | null,
  by: By,
): Promise<number> {
  return database.transaction(`end sessions of ${person}`, async (query) => {
    const ended = await query(
      'delete',
      'DELETE FROM sessions WHERE person = $1 AND ($2::uuid IS NULL OR id = $2) RETURNING id',
      [person, id],
    );
    if (ended.length > 0) {
      await insertEvent(query, `person/${person}`, {
        actor: by.actor,
        what: 'logged out',
        why: ended.length === 1 ? 'a session was ended' : `${ended.length} sessions were ended`,
      });
    }
    return ended.length;
  });
}

/** Used and expired links are kept for a day, so that a second use can be told from a wrong one. */
export async function sweepSessions(database: Database, limit: number): Promise<number> {
  const rows = await database.query(
    'drop expired logins',
    `WITH sessions_gone AS (
       DELETE FROM sessions WHERE id IN (
         SELECT id FROM sessions WHERE expires_at < now() LIMIT $1) RETURNING 1
     ), links_gone AS (
       DELETE FROM login_links WHERE digest IN (
         SELECT digest FROM login_links WHERE expires_at < now() - interval '1 day' LIMIT $1)
       RETURNING 1
     ), devices_gone AS (
       DELETE FROM device_logins WHERE digest IN (
         SELECT digest FROM device_logins WHERE expires_at < now() - interval '1 day' LIMIT $1)
       RETURNING 1
     )
     SELECT FROM sessions_gone UNION ALL SELECT FROM links_gone UNION ALL SELECT FROM devices_gone`,
    [limit],
  );
  return rows.length;
}

function toSession(row: SessionRow): Session {
  return {
    id: row.id,
    person: row.person,
    via: row.via,
    agent: row.agent,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at.toISOString(),
    lastSeenAt: row.last_seen_at.toISOString(),
  };
}
