import type { Context } from 'hono';
import type { JobState } from '../../../model/job-state.ts';
import { classicWord, type OpevaState } from '../../../model/opeva.ts';
import type { OpevaDependencies, OpevaEnv } from './index.ts';
import { mergeJobInfo, readJobInfo } from './job-info.ts';
import { tellOfImported, tellOfOurs, type KnownJob } from './known-job.ts';
import { queryNumber } from './launch-body.ts';
import { noStore, statusOf } from './show-status.ts';

/** So many files are read at once. */
const atOnce = 16;

/** GET /jobs: in the order of their launch, the newest when there are more than fit. */
export async function listJobs(
  context: Context<OpevaEnv>,
  deps: OpevaDependencies,
): Promise<Response> {
  const { maxListed } = deps.settings;
  const limit =
    queryNumber(context, 'limit', { least: 1, most: maxListed, otherwise: maxListed }) ?? maxListed;
  const before = queryNumber(context, 'cursor', {
    ...{ least: 1, most: Number.MAX_SAFE_INTEGER, otherwise: undefined },
  });
  const wanted = context.req.query('status');
  const states = wanted === undefined ? undefined : statesOf(wanted);
  const { rows, total } = await deps.store.sharedJobs.list({ limit, before, states });
  const ours = rows.map((shared): KnownJob => ({ kind: 'ours', id: shared.job.id, shared }));
  const old = await deps.store.sharedJobs.listImported(Math.max(1, limit - rows.length));
  const older = (rows.length < limit ? old.rows : []).map((imported): KnownJob => ({
    kind: 'imported',
    id: imported.id,
    imported,
  }));
  const listed = [...older, ...ours].filter((known) => fits(known, wanted));
  const first = rows[0];
  const next = rows.length === limit && first !== undefined ? String(first.job.number) : null;
  return context.json(await inTurn(listed, (known) => rowOf(known, deps)), 200, {
    ...noStore,
    'x-total-count': String(total + old.total),
    ...(next === null ? {} : { 'x-next-cursor': next }),
  });
}

async function rowOf(known: KnownJob, deps: OpevaDependencies): Promise<Record<string, unknown>> {
  const { dialect } = deps.settings;
  const file = await infoOf(known, deps);
  return {
    job_id: known.id,
    ...statusOf(toldOf(known), dialect),
    job_info: file === null ? {} : mergeJobInfo(known, file, dialect),
  };
}

/** Files of jobs that are long over do not change any more: a list reads them once. */
async function infoOf(
  known: KnownJob,
  deps: OpevaDependencies,
): Promise<Record<string, unknown> | null> {
  const { settledInfo } = deps;
  const kept = settledInfo.get(known.id);
  if (kept !== undefined) return kept;
  const file = await readJobInfo(known.id, deps);
  const finishedAt = known.kind === 'ours' ? known.shared.job.finishedAt : null;
  const isSettled = finishedAt !== null && Date.now() - Date.parse(finishedAt) > settledAfterMs;
  if (isSettled && file !== null) {
    settledInfo.set(known.id, file);
    if (settledInfo.size > deps.settings.maxListed) {
      settledInfo.delete(settledInfo.keys().next().value ?? '');
    }
  }
  return file;
}

const settledAfterMs = 60_000;

const toldOf = (known: KnownJob) =>
  known.kind === 'ours'
    ? tellOfOurs(known.shared)
    : tellOfImported(known.kind === 'imported' ? known.imported : unknown);
const unknown = { id: '', record: {}, importedAt: '' };

const fits = (known: KnownJob, wanted: string | undefined): boolean => {
  const { state } = toldOf(known);
  return wanted === undefined || state === wanted || classicWord(state) === wanted;
};

/** The states of rows that may be called so, in either dialect. */
function statesOf(word: string): JobState[] {
  const named = Object.entries(words) as [JobState, OpevaState[]][];
  return named
    .filter(([, said]) => said.some((state) => state === word || classicWord(state) === word))
    .map(([state]) => state);
}

const words: Readonly<Record<JobState, readonly OpevaState[]>> = {
  queued: ['queued'],
  preparing: ['dispatched'],
  running: ['running'],
  stopping: ['stop_requested'],
  succeeded: ['finished'],
  failed: ['failed'],
  expired: ['failed'],
  canceled: ['canceled', 'stopped'],
};

async function inTurn<Item, Result>(
  items: readonly Item[],
  act: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let at = 0; at < items.length; at += atOnce) {
    results.push(...(await Promise.all(items.slice(at, at + atOnce).map(act))));
  }
  return results;
}
