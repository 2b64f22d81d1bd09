import type { Secret, SecretKind } from '../../secret-ports.ts';

/** A row of `secrets` without what is sealed in it. */
export interface SecretRow extends Record<string, unknown> {
  space: string;
  kind: SecretKind;
  name: string;
  owner: string;
  version: number;
  changed_by: string;
  created_at: Date;
  changed_at: Date;
  used_by: string[];
}

/** Of the table `secrets`; the apps of a space are few enough to be looked through. */
export const secretColumns = `secrets.space, secrets.kind, secrets.name, secrets.owner,
  secrets.version, secrets.changed_by, secrets.created_at, secrets.changed_at,
  ARRAY(
    SELECT apps.name FROM apps
    WHERE apps.space = secrets.space AND CASE secrets.kind
      WHEN 'registry' THEN image_registry(apps.spec ->> 'image') = secrets.name
      ELSE EXISTS (
        SELECT FROM jsonb_each_text(COALESCE(apps.spec -> 'secrets', '{}')) AS used
        WHERE used.value = secrets.name)
    END
    ORDER BY apps.name
  ) AS used_by`;

export function toSecret(row: SecretRow): Secret {
  return {
    space: row.space,
    kind: row.kind,
    name: row.name,
    owner: row.owner,
    version: row.version,
    changedBy: row.changed_by,
    createdAt: row.created_at.toISOString(),
    changedAt: row.changed_at.toISOString(),
    usedBy: row.used_by,
  };
}

/** As sentences call it. */
export const inWords = ({ kind, name }: { kind: SecretKind; name: string }): string =>
  kind === 'registry' ? `credentials of registry ${name}` : `secret ${name}`;
