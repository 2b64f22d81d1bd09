import type { Context } from 'hono';
import { Refusal } from '../refusal.ts';
import type { OpevaDependencies, OpevaEnv } from './index.ts';
import { mergeJobInfo, readJobInfo } from './job-info.ts';
import { findJob } from './known-job.ts';
import { noStore } from './show-status.ts';

/** GET /job-info/{id}: the file of the job with what labkeeper knows. */
export async function showJobInfo(
  context: Context<OpevaEnv>,
  deps: OpevaDependencies,
): Promise<Response> {
  const known = await findJob(context.req.param('id') ?? '', deps);
  const file = known === null ? null : await readJobInfo(known.id, deps);
  if (known === null || (known.kind === 'folder' && file === null)) {
    throw new Refusal(404, 'Job info not found');
  }
  return context.json(mergeJobInfo(known, file ?? {}, deps.settings.dialect), 200, noStore);
}
