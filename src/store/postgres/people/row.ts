import type { Role } from '../../../model/roles.ts';
import type { Person } from '../../people-ports.ts';

export interface PersonRow extends Record<string, unknown> {
  name: string;
  title: string;
  operator: boolean;
  disabled: boolean;
  roles: Record<string, Role>;
  created_at: Date;
  created_by: string;
  last_seen_at: Date | null;
}

/** Of `people`, with the roles of now. */
export const personColumns = `people.name, people.title, people.operator, people.disabled,
  people.created_at, people.created_by, people.last_seen_at,
  COALESCE((SELECT jsonb_object_agg(space, role) FROM members WHERE person = people.name), '{}') AS roles`;

export function toPerson(row: PersonRow): Person {
  return {
    name: row.name,
    title: row.title,
    operator: row.operator,
    disabled: row.disabled,
    roles: row.roles,
    createdAt: row.created_at.toISOString(),
    createdBy: row.created_by,
    lastSeenAt: row.last_seen_at?.toISOString() ?? null,
  };
}
