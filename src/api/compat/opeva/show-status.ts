import type { Context } from 'hono';
import { classicWord, type OpevaDialect } from '../../../model/opeva.ts';
import type { SharedJob } from '../../../store/shared-job-ports.ts';
import type { OpevaDependencies, OpevaEnv } from './index.ts';
import { requireJob, tellOf, type JobTold } from './known-job.ts';

/** GET /status/{id}: one indexed read. */
export async function showStatus(
  context: Context<OpevaEnv>,
  deps: OpevaDependencies,
): Promise<Response> {
  const known = await requireJob(context.req.param('id') ?? '', deps);
  const { dialect } = deps.settings;
  const told = statusOf(await tellOf(known, deps), dialect);
  const more = dialect === 'workers' && known.kind === 'ours' ? moreOf(known.shared) : {};
  return context.json({ job_id: known.id, ...told, ...more }, 200, noStore);
}

/** The keys of every status, in the words of the dialect. */
export function statusOf(
  { state, terminal, exitCode, error }: JobTold,
  dialect: OpevaDialect,
): Record<string, unknown> {
  return {
    status: dialect === 'classic' ? classicWord(state) : state,
    state,
    terminal,
    ...(exitCode === null ? {} : { exit_code: exitCode }),
    ...(error === null ? {} : { error }),
  };
}

/** What the second generation reads beside it. */
function moreOf({ job, record }: SharedJob): Record<string, unknown> {
  const { cancel, host } = job;
  return {
    status_updated_at: epochSeconds(job.since),
    last_status_at: epochSeconds(job.updatedAt),
    ...(host === null ? {} : { worker_id: host }),
    ...(record.target_host === '' ? {} : { preferred_host: record.target_host }),
    ...(job.detail === null ? {} : { details: { note: job.detail } }),
    ...(cancel === null ? {} : { stop_requested: true, stop_reason: cancel.why }),
  };
}

export const epochSeconds = (iso: string): number => Date.parse(iso) / 1000;

export const noStore = { 'cache-control': 'no-store' };
