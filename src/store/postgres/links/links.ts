import { LabError } from '../../../model/failures.ts';
import type { AppLink, AppLinkStore, By } from '../../people-ports.ts';
import type { Database } from '../database.ts';
import { insertEvent } from '../events/append.ts';

interface LinkRow extends Record<string, unknown> {
  id: string;
  app: string;
  label: string;
  created_at: Date;
  created_by: string;
  expires_at: Date;
  revoked_at: Date | null;
}

const linkColumns = 'id, app, label, created_at, created_by, expires_at, revoked_at';

export async function addLink(
  database: Database,
  maxLinks: number,
  ...[input, by]: Parameters<AppLinkStore['add']>
): Promise<AppLink> {
  const { id, app, label, expiresAt } = input;
  return database.transaction(`make a link to app/${app}`, async (query) => {
    // Who makes links to one app takes turns, so that none is counted too late.
    const [known] = await query('lock', 'SELECT FROM apps WHERE name = $1 FOR NO KEY UPDATE', [
      app,
    ]);
    if (known === undefined) throw new LabError('not_found', `there is no app ${app}`);
    const [row] = await query<LinkRow>(
      'insert',
      `INSERT INTO app_links (id, app, label, created_by, expires_at)
       SELECT $1, $2, $3, $4, $5
       WHERE (SELECT count(*) FROM app_links
         WHERE app = $2 AND revoked_at IS NULL AND expires_at > now()) < $6
       RETURNING ${linkColumns}`,
      [id, app, label, by.actor, expiresAt, maxLinks],
    );
    if (row === undefined) {
      throw new LabError(
        'quota_exceeded',
        `cannot make a link to app/${app}: ${maxLinks} are in use, the most LABKEEPER_MAX_LINKS allows; revoke one first`,
        { details: { limit: maxLinks } },
      );
    }
    await insertEvent(query, `app/${app}`, {
      actor: by.actor,
      what: 'link made',
      why: label,
      data: { link: id, expiresAt: expiresAt.toISOString() },
    });
    return toLink(row);
  });
}

export async function listLinks(
  database: Database,
  app: string,
  limit: number,
): Promise<AppLink[]> {
  const rows = await database.query<LinkRow>(
    `list links to app/${app}`,
    `SELECT ${linkColumns} FROM app_links WHERE app = $1 ORDER BY created_at DESC, id LIMIT $2`,
    [app, limit],
  );
  return rows.map(toLink);
}

export async function revokeLink(
  database: Database,
  app: string,
  id: string,
  by: By,
): Promise<AppLink> {
  return database.transaction(`revoke link ${id} to app/${app}`, async (query) => {
    const [row] = await query<LinkRow & { was_revoked: boolean }>(
      'update',
      `UPDATE app_links SET revoked_at = COALESCE(app_links.revoked_at, now())
       FROM (SELECT id, revoked_at IS NOT NULL AS was_revoked FROM app_links
         WHERE id = $1 AND app = $2 FOR UPDATE) AS before
       WHERE app_links.id = before.id RETURNING app_links.*, was_revoked`,
      [id, app],
    );
    if (row === undefined) throw new LabError('not_found', `there is no link ${id} to app/${app}`);
    if (!row.was_revoked) {
      await insertEvent(query, `app/${app}`, {
        actor: by.actor,
        what: 'link revoked',
        why: row.label,
        data: { link: id },
      });
    }
    return toLink(row);
  });
}

function toLink(row: LinkRow): AppLink {
  return {
    id: row.id,
    app: row.app,
    label: row.label,
    createdAt: row.created_at.toISOString(),
    createdBy: row.created_by,
    expiresAt: row.expires_at.toISOString(),
    revokedAt: row.revoked_at?.toISOString() ?? null,
  };
}
