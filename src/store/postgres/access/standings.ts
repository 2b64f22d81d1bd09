import type { Proof } from '../../../model/access.ts';
import type { AccessMode, Role } from '../../../model/roles.ts';
import type { Standing } from '../../people-ports.ts';
import type { Database } from '../database.ts';

interface StandingRow extends Record<string, unknown> {
  space: string | null;
  owner: string | null;
  access: AccessMode | null;
  person: string | null;
  operator: boolean | null;
  role: Role | null;
  credential: string | null;
  expires_at: Date | null;
}

/** One statement for any number of questions: a change of roles makes gateways ask for all that is open. */
export async function readStandings(
  database: Database,
  questions: readonly { app: string; proof: Proof }[],
): Promise<Standing[]> {
  if (questions.length === 0) return [];
  const rows = await database.query<StandingRow>(
    'look up who may open apps',
    `SELECT apps.space, apps.owner, COALESCE(apps.spec->>'access', 'members') AS access,
       people.name AS person, people.operator, members.role,
       COALESCE(sessions.id::text, tokens.id, app_links.id) AS credential,
       COALESCE(sessions.expires_at, tokens.expires_at, app_links.expires_at) AS expires_at
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY
       AS asked (app, kind, id, person, digest, position)
     LEFT JOIN apps ON apps.name = asked.app
     LEFT JOIN sessions ON sessions.id = CASE asked.kind WHEN 'session' THEN asked.id::uuid END
       AND sessions.person = asked.person AND sessions.expires_at > now()
     LEFT JOIN tokens ON tokens.id = CASE WHEN asked.kind IN ('token', 'bearer') THEN asked.id END
       AND CASE asked.kind WHEN 'bearer' THEN tokens.digest = decode(asked.digest, 'hex')
         ELSE tokens.person = asked.person END
       AND tokens.revoked_at IS NULL AND tokens.expires_at > now()
     LEFT JOIN app_links ON app_links.id = CASE asked.kind WHEN 'link' THEN asked.id END
       AND app_links.app = asked.app
       AND app_links.revoked_at IS NULL AND app_links.expires_at > now()
     LEFT JOIN people ON NOT people.disabled AND people.name = COALESCE(
       sessions.person, tokens.person, CASE asked.kind WHEN 'person' THEN asked.person END)
     LEFT JOIN members ON members.person = people.name AND members.space = apps.space
     ORDER BY asked.position`,
    [
      questions.map(({ app }) => app),
      questions.map(({ proof }) => proof.kind),
      questions.map(({ proof }) => ('id' in proof ? proof.id : null)),
      questions.map(({ proof }) => ('person' in proof ? proof.person : null)),
      questions.map(({ proof }) => ('digest' in proof ? proof.digest : null)),
    ],
  );
  await noteUse(database, rows);
  return rows.map((row, index) => toStanding(row, questions[index]?.proof.kind));
}

function toStanding(row: StandingRow, kind: Proof['kind'] | undefined): Standing {
  const { space, owner, access, person, operator, role, credential, expires_at: endsAt } = row;
  const caller =
    person === null
      ? null
      : {
          ...{ person, operator: operator === true },
          roles: space === null || role === null ? {} : { [space]: role },
        };
  return {
    stands: kind === 'link' ? credential !== null : caller !== null,
    caller,
    endsAt: endsAt?.toISOString() ?? null,
    app: space === null || access === null ? null : { space, owner, access },
  };
}

/** At most once a minute each, like a call of the API with them. */
async function noteUse(database: Database, rows: readonly StandingRow[]): Promise<void> {
  const used = rows.flatMap(({ person, credential }) =>
    person === null || credential === null ? [] : [credential],
  );
  if (used.length === 0) return;
  await database.query(
    'note that tokens and sessions were used',
    `WITH used AS (SELECT DISTINCT unnest($1::text[]) AS id),
     tokens_used AS (UPDATE tokens SET last_used_at = now() FROM used WHERE tokens.id = used.id
       AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute') RETURNING person),
     sessions_seen AS (UPDATE sessions SET last_seen_at = now() FROM used
       WHERE sessions.id = CASE WHEN length(used.id) = 36 THEN used.id::uuid END
         AND last_seen_at < now() - interval '1 minute' RETURNING person)
     UPDATE people SET last_seen_at = now() WHERE name IN (
       SELECT person FROM tokens_used UNION SELECT person FROM sessions_seen)`,
    [used],
  );
}
