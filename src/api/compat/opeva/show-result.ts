import type { Context } from 'hono';
import { Refusal } from '../refusal.ts';
import type { OpevaDependencies, OpevaEnv } from './index.ts';
import { readJson, type JsonFile } from './json-files.ts';
import { requireJob, tellOf, type KnownJob } from './known-job.ts';

import { isRecord } from '../../../model/is-record.ts';
import { simulationData } from './simulation-data.ts';
import { json } from './show-progress.ts';
import { noStore } from './show-status.ts';

const pending = { status: 'pending', message: 'Result not ready yet.' };

/** GET /result/{id}: what the program left, as it left it. */
export async function showResult(
  context: Context<OpevaEnv>,
  deps: OpevaDependencies,
): Promise<Response> {
  const { settings, sharedFolder } = deps;
  const known = await requireJob(context.req.param('id') ?? '', deps);
  const { id } = known;
  const file = await readJson(
    sharedFolder,
    [`jobs/${id}/results/result.json`, `results/${id}/result.json`],
    { maxBytes: settings.maxResultBytes, good: deps.good },
  );
  const { state, terminal } = await tellOf(known, deps);
  if (file.found === 'too_large') throw tooLarge(file.bytes, settings.maxResultBytes);
  if (file.found === 'broken' && terminal && endedLongAgo(known, settings.brokenAfterMs)) {
    throw new Refusal(409, 'result.json is not valid JSON');
  }
  const text = textOf(file);
  if (text === null || (terminal && isOnlyPending(text))) {
    const none = { status: state, message: 'No result was produced.' };
    // What is broken just after the end may still be mended.
    const isOver = terminal && file.found !== 'broken';
    return context.json(isOver ? none : pending, 200, noStore);
  }
  if (settings.dialect === 'classic') return context.body(text, 200, json);
  const value: unknown = JSON.parse(text);
  const result = isRecord(value) ? value : { result: value };
  return context.json({ ...result, ...(await simulationData(id, result, deps)) }, 200, noStore);
}

const textOf = (file: JsonFile & { lastGood?: string }): string | null =>
  file.found === 'json' ? file.text : (file.lastGood ?? null);

/** Programs announce a result before they have one. */
function isOnlyPending(text: string): boolean {
  const value: unknown = JSON.parse(text);
  return isRecord(value) && value['status'] === 'pending';
}

function endedLongAgo(known: KnownJob, afterMs: number): boolean {
  if (known.kind !== 'ours') return true;
  const { finishedAt } = known.shared.job;
  return finishedAt !== null && Date.now() - Date.parse(finishedAt) > afterMs;
}

function tooLarge(bytes: number, most: number): Refusal {
  const limit = `${most} are served (LABKEEPER_OPEVA_MAX_RESULT_BYTES)`;
  return new Refusal(409, `result.json has ${bytes} bytes, and at most ${limit}`);
}
