import type { Context } from 'hono';
import {
  isOpevaTerminal,
  opevaOwner,
  opevaStateOf,
  type OpevaState,
} from '../../../model/opeva.ts';
import type { OpevaDependencies, OpevaEnv } from './index.ts';
import { requireJob, tellOf } from './known-job.ts';

const requested = 'Stop requested; worker should terminate the job';

/**
 * POST /stop/{id}: idempotent; the wish is kept with the job, and nothing is called stopped before it is gone. The first
 * generation waits for that, within bounds.
 */
export async function stop(context: Context<OpevaEnv>, deps: OpevaDependencies): Promise<Response> {
  const known = await requireJob(context.req.param('id') ?? '', deps);
  const { state: before } = await tellOf(known, deps);
  const isClassic = deps.settings.dialect === 'classic';
  const answer = (message: string) => context.json({ message });
  if (known.kind !== 'ours' || isOpevaTerminal(before)) {
    return answer(isClassic ? 'stopped' : wordsFor(before));
  }
  await deps.actions.cancel(known.id, { actor: opevaOwner, why: 'stopped by a client' });
  if (!isClassic) return answer(wordsFor(before));
  const { stopGraceMs, stopPatienceMs } = deps.settings;
  const gone = await deps.waiting.wait(
    async () => {
      const now = await deps.store.sharedJobs.find(known.id);
      return now === null || isOpevaTerminal(opevaStateOf(now.job)) ? true : null;
    },
    { left: context.req.raw.signal, withinMs: stopGraceMs + stopPatienceMs },
  );
  return answer(gone ? 'stopped' : requested);
}

function wordsFor(before: OpevaState): string {
  switch (before) {
    case 'launching':
    case 'queued':
      return 'Job canceled from queue';
    case 'dispatched':
    case 'running':
      return requested;
    case 'stop_requested':
      return 'Stop already requested';
    case 'finished':
    case 'failed':
    case 'stopped':
    case 'canceled':
      return `Job already finished (${before})`;
    case 'not_found':
    case 'unknown':
      return `Job is ${before}; nothing to stop`;
  }
}
