import { activityInfo, cancellationSignal, log } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import type { JobCause, JobSpec } from '../model/job-spec.ts';
import { metricsOf } from '../model/job-metrics.ts';
import { judgeAttempt, type AttemptEnd, type Verdict } from '../model/job-state.ts';
import { progressFromLines } from '../model/progress-lines.ts';
import { LabError, type FailureType } from '../model/failures.ts';
import { labels } from '../model/instance-labels.ts';
import { jobEntity, jobInstanceName } from '../model/names.ts';
import type { Containers, Instance, InstanceSpec } from '../runtime/containers.ts';
import type { Job } from '../store/job-ports.ts';
import { appSecrets } from './app-secrets.ts';
import type { EndJobInput, EndJobResult, StartJobInput, StartJobResult } from './job-inputs.ts';
import { jobLayout } from './job-layout.ts';
import { changeOf, isRepeat, verdictOf } from './job-verdict.ts';
import { lastLines, wholeLog } from './last-lines.ts';
import { mountsOf } from './mounts.ts';
import type { JobHostPorts } from './ports.ts';

const tailBytes = 16 * 1024;
/** So often a start is tried that met trouble of the engine's own: with the pauses about 12 s. */
const maxAttempts = 7;

/** Effects of jobs on the containers and processes of one host: queue `host/<name>`. */
export function createJobEffects(ports: JobHostPorts) {
  const { store, host } = ports;
  const secrets = appSecrets(ports);

  return {
    /**
     * Makes the instance of an attempt, or adopts it, and says that it runs. What cannot be started ends
     * the attempt, and the verdict says what becomes of the job. Idempotent by the instance's name.
     */
    async startJob(input: StartJobInput): Promise<StartJobResult> {
      return start(input);
    },

    /**
     * Stops an attempt that still runs, keeps what is left of it, and writes how it ended; capacity
     * goes to whoever is next. Idempotent.
     */
    async endJob(input: EndJobInput): Promise<EndJobResult> {
      return end(input);
    },
  };

  async function start(input: StartJobInput): Promise<StartJobResult> {
    const job = await present(input);
    if (isRepeat(job, input)) {
      return job.startedAt === null
        ? { outcome: 'over', verdict: verdictOf(job, input) }
        : { outcome: 'started', hasExited: false };
    }
    const name = jobInstanceName(job.number, input.attempt);
    const runtime = ports.runtimes[job.spec.image === undefined ? 'process' : 'docker'];
    let made: Instance;
    try {
      if (runtime === undefined) {
        throw new LabError('start_refused', `cannot start on host ${host}: it lacks the runtime`);
      }
      made = await ensure(runtime, job, input, name);
    } catch (error) {
      if (!(error instanceof LabError) || error.type === 'runtime_unavailable') {
        const why = error instanceof Error ? error.message : String(error);
        await store.jobs.setDetail(job.id, input.attempt, `waiting: ${why}`);
        throw error;
      }
      if (error.details['mayPass'] === true && activityInfo().attempt < maxAttempts) throw error;
      const failure = { cause: causeOf(error.type), detail: error.message };
      const left = { exit: null, byItself: false, failure };
      return {
        outcome: 'over',
        verdict: await write(job, { ...input, stop: null }, left, runtime),
      };
    }
    // A cancel may have come while the image was pulled: what nobody wants any more is undone here.
    if ((await store.instances.find(name))?.wanted !== 'present') {
      await runtime.remove(name);
      throw new CancelledFailure(`the start of ${name} was overtaken`);
    }
    await store.jobs.advance(job.id, input, {
      state: 'running',
      detail: null,
      imageDigest: made.imageDigest,
      now: ['startedAt'],
      runDeadlineInMs: input.policy.runDeadlineMs,
      event: {
        actor: 'labkeeper',
        what: 'started',
        why: `attempt ${input.attempt} runs on ${host}`,
        data: { attempt: input.attempt, host, image: made.imageDigest },
      },
    });
    return { outcome: 'started', hasExited: made.phase === 'exited' };
  }

  async function ensure(
    runtime: Containers,
    job: Job,
    { attempt }: StartJobInput,
    name: string,
  ): Promise<Instance> {
    const { spec } = job;
    const doing = spec.image ? `preparing image ${spec.image}` : 'starting the command';
    await pickUp(job.id, attempt, doing);
    const layout = jobLayout(ports, job, attempt);
    const folder = await layout.folders.prepare(job.id, { config: spec.config ?? null });
    for (const { upload, ...file } of await store.uploads.ofJob(job.id)) {
      await ports.jobFolders.putInput(job.id, file, store.uploads.read(upload));
    }
    const inContainer = spec.image !== undefined;
    const paths = inContainer ? layout.inContainer : folder;
    const mounts = await mountsOf(ports, { name: `job/${job.id}`, spec });
    return runtime.ensure(
      {
        name,
        labels: {
          ...layout.labels,
          [labels.installation]: ports.installation,
          [labels.entity]: jobEntity(job.id),
          [labels.generation]: String(attempt),
        },
        ...(spec.image ? { image: spec.image } : {}),
        ...(spec.command ? { command: withPaths(spec.command, paths) } : {}),
        ...(spec.workingDirectory ? { workingDirectory: spec.workingDirectory } : {}),
        basePath: '',
        environment: () => ({
          LABKEEPER_JOB_ID: job.id,
          LABKEEPER_ATTEMPT: String(attempt),
          LABKEEPER_CONFIG: paths.config,
          LABKEEPER_INPUTS: paths.inputs,
          LABKEEPER_OUTPUT: paths.output,
          ...layout.environment(paths),
          ...spec.environment,
        }),
        // Asked for last, after minutes perhaps of waiting for an image: what is not wanted then is not made.
        secrets: async () => {
          await pickUp(job.id, attempt, 'starting the command');
          return secrets.environment(job, name);
        },
        registryCredentials: () => secrets.registryCredentials(job),
        ...(mounts.length > 0 ? { mounts } : {}),
        folders: [{ source: folder.root, path: layout.inContainer.root }],
        ...(layout.networks.length > 0 ? { networks: layout.networks } : {}),
        limits: spec.limits,
        log: logBounds(spec),
      },
      {
        signal: cancellationSignal(),
        onProgress: (text) => {
          store.jobs.setDetail(job.id, attempt, text).catch(() => undefined);
        },
      },
    );
  }

  /**
   * The row is the judge between a start and whoever takes the attempt back from a silent host. Tried again until the
   * workflow, which is told by whoever took it, calls it off.
   */
  async function pickUp(id: string, attempt: number, detail: string): Promise<void> {
    if (await store.jobs.pickUp(id, attempt, detail)) return;
    throw new Error(`attempt ${attempt} of job/${id} is not this host's to start any more`);
  }

  async function end(input: EndJobInput): Promise<EndJobResult> {
    const job = await present(input);
    if (isRepeat(job, input)) return { outcome: 'over', verdict: verdictOf(job, input) };
    const name = jobInstanceName(job.number, input.attempt);
    const nothing: AttemptEnd = { exit: null, byItself: input.stop === null, failure: null };
    for (const runtime of Object.values(ports.runtimes)) {
      const found = await runtime.inspect(name);
      if (found === null) continue;
      const goesOn = found.phase !== 'exited';
      if (goesOn && input.stop === null) {
        const deadlineInMs = Date.parse(job.runDeadlineAt ?? '') - Date.now();
        return { outcome: 'runs', deadlineInMs: Math.max(1, deadlineInMs || 1) };
      }
      const exit = goesOn ? await stop(runtime, name, job, input) : found.exit;
      const left = { exit, byItself: !goesOn, failure: null };
      return { outcome: 'over', verdict: await write(job, input, left, runtime) };
    }
    return { outcome: 'over', verdict: await write(job, input, nothing, undefined) };
  }

  /** SIGTERM, grace, SIGKILL; what is seen of it is noted as it is seen. */
  async function stop(
    runtime: Containers,
    name: string,
    job: Job,
    { attempt, policy }: EndJobInput,
  ) {
    const note = (seen: 'signalledAt' | 'killedAt') => store.jobs.noteEnd(job.id, attempt, seen);
    await note('signalledAt');
    const notes: Promise<void>[] = [];
    const onKill = () => {
      const noting = note('killedAt');
      // Awaited below; until then its failure is nobody's surprise.
      noting.catch(() => undefined);
      notes.push(noting);
    };
    const exit = await runtime.stop(name, { graceMs: policy.stopGraceMs, onKill });
    await Promise.all(notes);
    // A worker that died between its kill and its word leaves this to the next try.
    if (exit?.signal === 'SIGKILL' && notes.length === 0) await note('killedAt');
    return exit;
  }

  /** The one write that ends an attempt: how it ended, what is left of it, and whether it is tried again. */
  async function write(
    job: Job,
    input: EndJobInput,
    left: AttemptEnd,
    runtime: Containers | undefined,
  ): Promise<Verdict> {
    const name = jobInstanceName(job.number, input.attempt);
    const verdict = judgeAttempt(left, input);
    const lastLogLines = runtime ? await lastLines(runtime, name, tailBytes) : [];
    const layout = jobLayout(ports, job, input.attempt);
    if (runtime) {
      // Labkeeper has its own copy, and a full disk over there must not keep this job's room.
      await layout.keepLog(wholeLog(runtime, name)).catch((error: unknown) => {
        log.warn('output not added to the log that others read', { job: job.id, error });
      });
    }
    const kept = await layout.folders.collect(job.id, job.spec.maxResultBytes);
    await tellLast(job, input.attempt, {
      said: progressFromLines(lastLogLines.join('\n')),
      ...kept,
    });
    await runtime?.remove(name);
    const isOver = verdict.state !== 'queued';
    await store.jobs.advance(job.id, input, {
      ...changeOf(verdict),
      exit: left.exit,
      lastLogLines,
      result: kept.result,
      now: isOver ? ['finishedAt', 'goneAt'] : [],
      release: true,
      event: {
        actor: input.stop?.cause.actor ?? 'labkeeper',
        what: isOver ? verdict.state : 'attempt failed',
        why: verdict.detail,
        data: { attempt: input.attempt, host, exit: left.exit, cause: verdict.cause },
      },
    });
    await store.instances.settle(name);
    await ports.giveOut();
    return verdict;
  }

  /** What it said of its progress since the agent looked. */
  async function tellLast(
    { id, progress: known }: Job,
    attempt: number,
    last: { said: Record<string, unknown> | null; progress: Record<string, unknown> | null },
  ): Promise<void> {
    const { said, progress: written } = last;
    if (said === null && written === null) return;
    const progress = { ...(said === null ? {} : known), ...said, ...written };
    const metrics = metricsOf(progress);
    await store.jobs.reportProgress([{ id, attempt, progress, metrics }]);
  }

  /** Its row is there as long as it is not over. */
  async function present({ id }: { id: string }): Promise<Job> {
    const job = await store.jobs.find(id);
    if (job === null) throw new Error(`job/${id} has no row, although it is not over`);
    return job;
  }
}

const causes: Partial<Record<FailureType, JobCause>> = {
  image_not_found: 'image_not_found',
  registry_refused: 'registry_refused',
  secret_unavailable: 'secret_unavailable',
  storage_full: 'storage_full',
};
const causeOf = (type: FailureType): JobCause => causes[type] ?? 'start_refused';

interface Paths {
  config: string;
  inputs: string;
  output: string;
}

/** `{config}`, `{inputs}` and `{output}` become the paths where the command runs. */
function withPaths(command: readonly string[], paths: Paths): string[] {
  return command.map((argument) =>
    argument.replaceAll(/\{(config|inputs|output)\}/g, (_text, key: keyof Paths) => paths[key]),
  );
}

/** The beginning and the newest output are kept, in pieces, so that a log at its bound loses a quarter in the middle. */
function logBounds({ maxLogBytes }: JobSpec): InstanceSpec['log'] {
  const files = 4;
  return { maxBytes: Math.max(4096, Math.floor(maxLogBytes / files)), files, keepsBeginning: true };
}
