import { randomUUID } from 'node:crypto';
import type { Context } from 'hono';
import { jobIdPattern } from '../../../model/job-ids.ts';
import { jobSpecSchema, type JobSpec } from '../../../model/job-spec.ts';
import { opevaOwner, type OpevaRecord } from '../../../model/opeva.ts';
import type { SharedJob } from '../../../store/shared-job-ports.ts';
import { Refusal } from '../refusal.ts';
import { resolveConfig, type ResolvedConfig } from './config.ts';
import type { OpevaDependencies, OpevaEnv } from './index.ts';
import { readJsonBody, readLaunchBody, type LaunchBody } from './launch-body.ts';
import type { OpevaSettings } from './settings.ts';

/** POST /run-simulation: a new job, or with a key the one that the key was used for. */
export async function launch(
  context: Context<OpevaEnv>,
  deps: OpevaDependencies,
): Promise<Response> {
  const key = context.req.header('idempotency-key');
  if (key !== undefined && (key === '' || key.length > 255)) {
    throw new Refusal(400, 'Invalid Idempotency-Key: it has 1 to 255 characters');
  }
  const body = await readJsonBody(context);
  const earlier = key === undefined ? null : await deps.store.sharedJobs.findByKey(key);
  const { shared } = await accept(deps, { body, key, id: randomUUID(), earlier });
  return context.json(answerOf(shared, deps.settings));
}

/** PUT /jobs/{id}: the same under an id of the caller's. */
export async function put(context: Context<OpevaEnv>, deps: OpevaDependencies): Promise<Response> {
  const id = context.req.param('id') ?? '';
  if (!jobIdPattern.test(id)) throw new Refusal(404, 'Not Found');
  const body = await readJsonBody(context);
  const earlier = await deps.store.sharedJobs.find(id);
  if (earlier === null && (await isTaken(id, deps))) {
    throw new Refusal(409, `The id ${id} is taken by an older job`);
  }
  const { shared, isNew } = await accept(deps, { body, id, earlier });
  return context.json(answerOf(shared, deps.settings), isNew ? 201 : 200);
}

/** Another backend's job, or a folder that somebody put there. */
async function isTaken(id: string, deps: OpevaDependencies): Promise<boolean> {
  if ((await deps.store.sharedJobs.findImported(id)) !== null) return true;
  return deps.sharedFolder.hasFolder(`jobs/${id}`);
}

async function accept(
  deps: OpevaDependencies,
  asked: { body: unknown; id: string; key?: string | undefined; earlier: SharedJob | null },
): Promise<{ shared: SharedJob; isNew: boolean }> {
  const { body, id, key, earlier } = asked;
  const read = readLaunchBody(body, deps.settings.dialect);
  const submission = {
    body: read.asked,
    caller,
    ...(key === undefined ? {} : { idempotencyKey: key }),
  };
  if (earlier !== null) {
    // Its own definition stands, whatever became of the file since: only the bodies are compared.
    const { job, record } = earlier;
    await deps.actions.submit({
      ...submission,
      id: key === undefined ? id : job.id,
      wish: job.spec,
    });
    return { shared: { job, record }, isNew: false };
  }
  const host = hostOf(read, deps.settings);
  const image = imageOf(read, deps.settings);
  const config = await resolveConfig(read, id, deps);
  const record = recordOf(read, { id, config, image });
  const { outcome, job } = await deps.actions.submit({
    ...submission,
    id,
    wish: specOf(read, { id, record, host }, deps.settings),
    shared: { record, config: config.snapshot },
  });
  if (outcome === 'existing') {
    const found = await deps.store.sharedJobs.find(job.id);
    if (found === null) throw new Refusal(409, `The id ${id} is taken by another job`);
    return { shared: found, isNew: false };
  }
  const shared = { job, record };
  await keepFiles(deps, { shared, config });
  return { shared, isNew: true };
}

/** Its clients have no names: what they do belongs to one owner, in the space that is always there. */
const caller = {
  person: opevaOwner,
  operator: false,
  roles: { default: 'instructor' },
} as const;

/** The job is accepted by its row; the files are for people, and its host makes what it needs itself. */
async function keepFiles(
  { sharedFolder, mirror, log }: OpevaDependencies,
  { shared, config }: { shared: SharedJob; config: ResolvedConfig },
): Promise<void> {
  const { id } = shared.job;
  try {
    if (config.inline !== null) await sharedFolder.write(config.path, config.inline);
    for (const name of ['logs', 'progress', 'results']) {
      await sharedFolder.makeFolder(`jobs/${id}/${name}`);
    }
    await sharedFolder.write(shared.record.resolved_config_file, config.snapshot);
    await mirror.write(shared);
  } catch (error) {
    log.warn({ err: error, job: id }, 'files of an accepted job not written');
  }
}

/** The host that is to run it; null where the lab decides. Throws for one that clients may not name. */
function hostOf({ targetHost, deucalionOptions }: LaunchBody, settings: OpevaSettings): string {
  if (deucalionOptions !== null && targetHost !== 'deucalion') {
    throw new Refusal(400, "deucalion_options are for target_host 'deucalion' only");
  }
  const host = targetHost ?? 'local';
  if (targetHost !== null && !settings.hosts.includes(targetHost)) {
    const allowed = settings.hosts.map((one) => `'${one}'`).join(', ');
    throw new Refusal(400, `Unknown host '${targetHost}'. Allowed: [${allowed}]`);
  }
  return host === 'local' ? settings.localHost : host;
}

const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

function imageOf(
  { image, imageTag }: LaunchBody,
  settings: OpevaSettings,
): { image: string; tag: string | null } {
  if (image !== null) {
    const repositories = [settings.imageRepository, ...settings.imageAllow];
    const repository = repositories.find((one) => image === one || image.startsWith(`${one}:`));
    const tag = image.slice((repository ?? '').length + 1) || 'latest';
    if (repository === undefined || !tagPattern.test(tag)) {
      throw new Refusal(400, `Image not allowed: ${image}`);
    }
    return { image: `${repository}:${tag}`, tag };
  }
  const tag = imageTag ?? 'latest';
  if (!tagPattern.test(tag)) throw new Refusal(400, 'Invalid image_tag');
  return { image: `${settings.imageRepository}:${tag}`, tag };
}

function recordOf(
  body: LaunchBody,
  made: { id: string; config: ResolvedConfig; image: { image: string; tag: string | null } },
): OpevaRecord {
  const { experiment, run, path } = made.config;
  return {
    job_name: body.jobName ?? `${experiment}-${run}`,
    config_path: path,
    resolved_config_file: `jobs/${made.id}/config.resolved.yaml`,
    target_host: body.targetHost ?? '',
    experiment_name: experiment,
    run_name: run,
    submitted_by: body.submittedBy,
    image_tag: made.image.tag,
    image: made.image.image,
  };
}

function specOf(
  { params }: LaunchBody,
  { id, record, host }: { id: string; record: OpevaRecord; host: string },
  settings: OpevaSettings,
): JobSpec {
  const parsed = jobSpecSchema.safeParse({
    title: record.job_name.slice(0, 200),
    ...(settings.runner === 'docker' ? { image: record.image } : {}),
    command: [...settings.commandPrefix, '--config', '{config}', '--job_id', id],
    environment: { ...params, OPEVA_JOB_NAME: record.job_name },
    limits: settings.limits,
    devices: settings.devices,
    host,
    queueDeadlineMs: settings.runMs,
    runDeadlineMs: settings.runMs,
    stopGraceMs: settings.stopGraceMs,
    maxResultBytes: settings.maxResultBytes,
    tags: { family: 'opeva' },
  });
  if (parsed.success) return parsed.data;
  throw new Refusal(400, `Invalid request: ${parsed.error.issues[0]?.message ?? 'cannot be run'}`);
}

function answerOf({ job, record }: SharedJob, { dialect }: OpevaSettings): Record<string, unknown> {
  const isClassic = dialect === 'classic';
  return {
    job_id: job.id,
    // Its container is made after this answer.
    container_id: '',
    status: isClassic ? 'launched' : 'queued',
    host: record.target_host || (isClassic ? 'local' : null),
    job_name: record.job_name,
    image_tag: record.image_tag,
    image: record.image,
  };
}
