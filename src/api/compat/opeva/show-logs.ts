import type { Context } from 'hono';
import { jobInstanceName } from '../../../model/names.ts';
import type { SharedFile } from '../../../store/shared-folder.ts';
import { Refusal } from '../refusal.ts';
import type { OpevaDependencies, OpevaEnv } from './index.ts';
import { readJobInfo } from './job-info.ts';
import { requireJob, tellOf, type KnownJob } from './known-job.ts';

const notYet = 'Logs not available yet. Job is still initializing or running.\n';
const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' };

/** GET /logs/{id}: the whole log as it is now, in bounded memory whatever its size. */
export async function showLogs(
  context: Context<OpevaEnv>,
  deps: OpevaDependencies,
): Promise<Response> {
  const known = await requireJob(context.req.param('id') ?? '', deps);
  const file = await logFileOf(known, deps);
  // What it printed stands for a file that nobody has written to yet.
  const bytes =
    (file !== null && file.bytes > 0 ? await deps.sharedFolder.stream(file.name) : null) ??
    (await printed(known, deps)) ??
    (file === null ? null : await deps.sharedFolder.stream(file.name));
  if (bytes !== null) return new Response(asText(bytes), { headers });
  const { terminal } = await tellOf(known, deps);
  if (terminal) throw new Refusal(404, 'Logs not available for this job');
  return new Response(notYet, { headers });
}

/**
 * The log among those that a container may write: under the job's id, that of its run, or any name. `name` is
 * its path in the shared folder.
 */
export async function logFileOf(
  { id }: KnownJob,
  deps: Pick<OpevaDependencies, 'sharedFolder' | 'good'>,
): Promise<SharedFile | null> {
  const place = `jobs/${id}/logs`;
  const files = (await deps.sharedFolder.list(place)).filter(({ name }) => name.endsWith('.log'));
  const info = (await readJobInfo(id, deps)) ?? {};
  const names = [id, info['run_id'], info['mlflow_run_id']].map((one) => `${String(one)}.log`);
  const candidates = files.filter(({ name }) => names.includes(name));
  const found =
    newest(candidates.filter(({ name, bytes }) => name === `${id}.log` && bytes > 0)) ??
    newest(candidates.filter(({ bytes }) => bytes > 0)) ??
    newest(files.filter(({ bytes }) => bytes > 0)) ??
    candidates[0] ??
    newest(files);
  if (found !== null) return { ...found, name: `${place}/${found.name}` };
  const flat = (await deps.sharedFolder.list('logs')).find(({ name }) => name === `${id}.log`);
  return flat === undefined ? null : { ...flat, name: `logs/${flat.name}` };
}

const newest = (files: readonly SharedFile[]): SharedFile | null =>
  files.toSorted((one, other) => other.modifiedAtMs - one.modifiedAtMs)[0] ?? null;

/** What its container has printed so far, as its host keeps it; null when that is nothing. */
async function printed(
  known: KnownJob,
  { logs, log }: OpevaDependencies,
): Promise<ReadableStream<Uint8Array> | null> {
  if (known.kind !== 'ours' || known.shared.job.attempt === 0) return null;
  const { number, attempt, host, id } = known.shared.job;
  const instance = jobInstanceName(number, attempt);
  const read = (fromByte: number) => logs.read(instance, host, { fromByte });
  const first = await read(0).catch((error: unknown) => {
    log.debug({ err: error, job: id }, 'output not read');
    return null;
  });
  if (first === null || first.bytes.length === 0) return null;
  let part = first;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (part.bytes.length === 0) {
        controller.close();
        return;
      }
      controller.enqueue(part.bytes);
      part = await read(part.nextByte);
    },
  });
}

/** Bytes that are no UTF-8 become the character that says so. */
function asText(bytes: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const encoder = new TextEncoder();
  return bytes.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        controller.enqueue(encoder.encode(decoder.decode(chunk, { stream: true })));
      },
      flush(controller) {
        controller.enqueue(encoder.encode(decoder.decode()));
      },
    }),
  );
}
