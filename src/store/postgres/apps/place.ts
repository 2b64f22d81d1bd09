import { fullSpaceInWords, type FullSpace } from '../../../model/awake-quota.ts';
import { LabError } from '../../../model/failures.ts';
import type { Query } from '../database.ts';

/**
 * True for a row of `apps` that takes one of the places its space has for apps that are awake: it
 * runs, comes up or goes down, waits for its restart, or a wake of it was accepted. Nothing is counted up or
 * down, so nothing can leak: what ends in whatever way stops being true here.
 */
export const takesPlace = `(
  CASE apps.phase WHEN 'none' THEN apps.wanted = 'awake' WHEN 'failed' THEN false ELSE true END
  OR EXISTS (SELECT FROM operations
    WHERE operations.entity = 'app/' || apps.name AND operations.state = 'accepted'
      AND (operations.verb IN ('wake', 'restart')
        OR operations.verb IN ('register', 'replace') AND apps.spec @> '{"alwaysOn": true}')))`;

interface Wish {
  name: string;
  /** Space it is to be awake in. */
  space: string;
  /** A clause for the refusal: `wake app/plot`. */
  attempt: string;
  /** Asks for a place only if the app takes one now: it moves to another space. */
  onlyIfAwake?: boolean;
}

/**
 * Throws `quota_exceeded` when the space has no place for one more app that is awake. What takes a
 * place of it already is never refused. Holds the space's lock until the transaction is over, so of
 * two wakes that meet at the limit one passes.
 */
export async function requirePlace(query: Query, wish: Wish): Promise<void> {
  const { name, space, attempt, onlyIfAwake = false } = wish;
  const [quota] = await query<{ title: string; max_awake_apps: number | null }>(
    'wait for other wakes',
    'SELECT title, max_awake_apps FROM spaces WHERE name = $1 FOR NO KEY UPDATE',
    [space],
  );
  if (quota === undefined || quota.max_awake_apps === null) return;
  const [own] = await query<{ space: string; takes: boolean }>(
    'look whether it is awake',
    `SELECT space, ${takesPlace} AS takes FROM apps WHERE name = $1`,
    [name],
  );
  const takes = own?.takes ?? false;
  if (takes ? own?.space === space : onlyIfAwake) return;
  const [taken] = await query<{ places: number; next: string | null; sleeps_at: Date | null }>(
    'count apps that are awake',
    `SELECT count(*)::integer AS places, min(sleeps_at) AS sleeps_at,
       (array_agg(name ORDER BY sleeps_at, name) FILTER (WHERE sleeps_at IS NOT NULL))[1] AS next
     FROM apps WHERE space = $1 AND ${takesPlace}`,
    [space],
  );
  if ((taken?.places ?? 0) < quota.max_awake_apps) return;
  const next = taken?.next ?? null;
  const sleepsAt = taken?.sleeps_at?.toISOString() ?? null;
  const fullSpace: FullSpace = {
    title: quota.title,
    maxAwakeApps: quota.max_awake_apps,
    next: next === null || sleepsAt === null ? null : { app: next, sleepsAt },
  };
  const why = fullSpaceInWords(fullSpace, { namesApps: true });
  throw new LabError('quota_exceeded', `cannot ${attempt}: ${why}`, {
    details: { space, fullSpace },
  });
}
