import type { Context } from 'hono';
import type { OpevaDependencies, OpevaEnv } from './index.ts';
import { readJson } from './json-files.ts';
import { requireJob } from './known-job.ts';
import { noStore } from './show-status.ts';

const maxProgressBytes = 1024 * 1024;

/** GET /progress/{id}: what the program last wrote of it. */
export async function showProgress(
  context: Context<OpevaEnv>,
  deps: OpevaDependencies,
): Promise<Response> {
  const known = await requireJob(context.req.param('id') ?? '', deps);
  const { id } = known;
  const file = await readJson(
    deps.sharedFolder,
    [`jobs/${id}/progress/progress.json`, `progress/${id}/progress.json`],
    { maxBytes: maxProgressBytes, good: deps.good },
  );
  if (file.found === 'json') return context.body(file.text, 200, json);
  if (file.lastGood !== undefined) return context.body(file.lastGood, 200, json);
  // Its host has read it meanwhile, perhaps while this process was not there.
  const told = known.kind === 'ours' ? known.shared.job.progress : null;
  if (file.found !== 'absent' && told !== null) return context.json(told, 200, noStore);
  return context.json({ progress: 'No updates yet.' }, 200, noStore);
}

export const json = { ...noStore, 'content-type': 'application/json' };
