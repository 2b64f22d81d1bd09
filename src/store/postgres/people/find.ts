import type { PeopleStore, Person } from '../../people-ports.ts';
import type { Database, Query } from '../database.ts';
import { personColumns, toPerson, type PersonRow } from './row.ts';

export async function findPerson(query: Query, name: string): Promise<Person | null> {
  const [row] = await query<PersonRow>(
    `find person/${name}`,
    `SELECT ${personColumns} FROM people WHERE name = $1`,
    [name],
  );
  return row === undefined ? null : toPerson(row);
}

export async function listPeople(
  database: Database,
  page: Parameters<PeopleStore['list']>[0],
): Promise<Person[]> {
  const rows = await database.query<PersonRow>(
    'list people',
    `SELECT ${personColumns} FROM people
     WHERE name > $1
       AND ($2::text IS NULL OR position(lower($2) IN lower(name || ' ' || title)) > 0)
     ORDER BY name LIMIT $3`,
    [page.after ?? '', page.search ?? null, page.limit],
  );
  return rows.map(toPerson);
}

export async function findIdentity(
  database: Database,
  issuer: string,
  subject: string,
): Promise<Person | null> {
  const [row] = await database.query<PersonRow>(
    'find who an identity is',
    `SELECT ${personColumns} FROM people JOIN identities ON identities.person = people.name
     WHERE issuer = $1 AND subject = $2`,
    [issuer, subject],
  );
  return row === undefined ? null : toPerson(row);
}

export async function countOperators(query: Query): Promise<number> {
  const [row] = await query<{ count: string }>(
    'count operators',
    'SELECT count(*) FROM people WHERE operator AND NOT disabled',
  );
  return Number(row?.count ?? 0);
}
