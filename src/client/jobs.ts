import { eventListSchema, type EventListJson } from '../model/api.ts';
import {
  artifactListSchema,
  jobListSchema,
  jobMetricsSchema,
  jobSchema,
  queueViewSchema,
  submittedJobSchema,
  type ArtifactListJson,
  type JobJson,
  type JobMetricsJson,
  type JobListJson,
  type QueueJson,
  type SubmittedJobJson,
} from '../model/job-api.ts';
import type { JobSubmissionInput } from '../model/job-spec.ts';
import type { JobState } from '../model/job-state.ts';
import { followEvents, type FollowOptions, type StreamMessage } from './follow-events.ts';
import { followJobLog, type FollowJobLogOptions } from './follow-job-log.ts';
import { readLog, type LogOptions, type LogText } from './logs.ts';
import { bodyOf, type Transport } from './transport.ts';
import { nullWhenAbsent } from './problem-error.ts';

export interface JobMethods {
  /** Under an id of its own, or of yours; with either a repeat answers the same job. */
  submit(
    spec: JobSubmissionInput,
    options?: { id?: string; idempotencyKey?: string },
  ): Promise<SubmittedJobJson>;
  list(page?: {
    state?: JobState | readonly JobState[];
    space?: string;
    owner?: string;
    search?: string;
    /** Only those whose id begins so. */
    idPrefix?: string;
    before?: string;
    limit?: number;
  }): Promise<JobListJson>;
  show(id: string): Promise<JobJson>;
  /** The job, or null when there is none. */
  find(id: string): Promise<JobJson | null>;
  cancel(id: string, options?: { why?: string }): Promise<JobJson>;
  /** Only one that is over. */
  remove(id: string, options?: { why?: string }): Promise<void>;
  /** How it is, and what happens of it, until `signal` ends it; comes back after every loss. */
  follow(id: string, options?: Omit<FollowOptions, 'snapshot'>): AsyncGenerator<StreamMessage>;
  /** Until it is over; tells `onChange` how it is meanwhile. An API that is away is waited for too. */
  wait(
    id: string,
    options?: { timeoutMs?: number; signal?: AbortSignal; onChange?: (job: JobJson) => void },
  ): Promise<JobJson>;
  log(id: string, options?: JobLogOptions): Promise<LogText>;
  hold(id: string, options?: { why?: string }): Promise<JobJson>;
  release(id: string, options?: { why?: string }): Promise<JobJson>;
  /** Who runs where, and who waits for what. */
  queue(): Promise<QueueJson>;
  /** Of one space, or all of it. */
  holdQueue(options?: { space?: string; why?: string }): Promise<QueueJson>;
  releaseQueue(options?: { space?: string; why?: string }): Promise<QueueJson>;
  /** Its output as it grows, through losses and further attempts, until it is over. */
  followLog(id: string, options?: FollowJobLogOptions): AsyncGenerator<string>;
  /** All there is of its log, piece by piece, as fast as it is taken. */
  downloadLog(
    id: string,
    options?: Pick<JobLogOptions, 'attempt' | 'source' | 'signal'>,
  ): AsyncGenerator<Uint8Array>;
  /** Its numbers over time, all or one of them. */
  metrics(id: string, options?: { name?: string }): Promise<JobMetricsJson>;
  artifacts(id: string, page?: { after?: string; limit?: number }): Promise<ArtifactListJson>;
  /** One file it left, piece by piece, as fast as it is taken. Leaving the loop ends it. */
  artifact(
    id: string,
    path: string,
    options?: { signal?: AbortSignal },
  ): AsyncGenerator<Uint8Array>;
  /** All it left, as tar.gz. Iterating throws when it ends before it is whole. */
  archive(id: string, options?: { signal?: AbortSignal }): AsyncGenerator<Uint8Array>;
  events(id: string, page?: { before?: string; limit?: number }): Promise<EventListJson>;
}

export type JobLogOptions = Omit<LogOptions, 'generation'> & {
  attempt?: number;
  /** What it prints, or the file that its `logFile` names. */
  source?: 'output' | 'file';
};

/** What a timer can hold: 24 days. */
const longestTimerMs = 2 ** 31 - 1;

export function jobMethods(wire: Transport): JobMethods {
  const { json, open } = wire;
  const pathOf = (id: string) => `/api/v1/jobs/${encodeURIComponent(id)}`;
  const show = (id: string) => json(pathOf(id), jobSchema);
  return {
    submit: (spec, { id, idempotencyKey } = {}) =>
      id === undefined
        ? json('/api/v1/jobs', submittedJobSchema, {
            method: 'POST',
            body: spec,
            headers: { 'idempotency-key': idempotencyKey },
          })
        : json(pathOf(id), submittedJobSchema, { method: 'PUT', body: spec }),
    list: (page = {}) => json('/api/v1/jobs', jobListSchema, { query: page }),
    show,
    find: (id) => show(id).catch(nullWhenAbsent),
    cancel: (id, { why } = {}) =>
      json(`${pathOf(id)}/cancel`, jobSchema, {
        method: 'POST',
        body: why === undefined ? {} : { why },
      }),
    async remove(id, { why } = {}) {
      const answer = await open(pathOf(id), { method: 'DELETE', query: { why } });
      await answer.body?.cancel();
    },
    follow: (id, options) => followEvents(wire, `${pathOf(id)}/events/stream`, options),
    async wait(id, { timeoutMs = 24 * 3_600_000, signal, onChange } = {}) {
      const over = new AbortController();
      const timer = setTimeout(() => over.abort(), Math.min(timeoutMs, longestTimerMs));
      const signals = [over.signal, ...(signal === undefined ? [] : [signal])];
      try {
        const stream = followEvents(wire, `${pathOf(id)}/events/stream`, {
          signal: AbortSignal.any(signals),
        });
        for await (const message of stream) {
          if (message.type === 'job-removed') await show(id);
          if (message.type !== 'job') continue;
          onChange?.(message.job);
          if (message.job.terminal) return message.job;
        }
      } finally {
        clearTimeout(timer);
        over.abort();
      }
      signal?.throwIfAborted();
      throw new Error(`job/${id} is not over after ${timeoutMs} ms; it goes on`);
    },
    log: (id, options) => readLog(wire, `${pathOf(id)}/logs`, options),
    hold: (id, options = {}) =>
      json(`${pathOf(id)}/hold`, jobSchema, { method: 'POST', body: options }),
    release: (id, options = {}) =>
      json(`${pathOf(id)}/release`, jobSchema, { method: 'POST', body: options }),
    queue: () => json('/api/v1/queue', queueViewSchema),
    holdQueue: (options = {}) =>
      json('/api/v1/queue/hold', queueViewSchema, { method: 'POST', body: options }),
    releaseQueue: (options = {}) =>
      json('/api/v1/queue/release', queueViewSchema, { method: 'POST', body: options }),
    followLog: (id, options) => followJobLog(wire, `${pathOf(id)}/logs`, options),
    async *downloadLog(id, { signal, ...query } = {}) {
      const ask = { query: { ...query, download: true }, signal, headers: { accept: '*/*' } };
      yield* bodyOf(await open(`${pathOf(id)}/logs`, ask));
    },
    metrics: (id, query = {}) => json(`${pathOf(id)}/metrics`, jobMetricsSchema, { query }),
    artifacts: (id, page = {}) =>
      json(`${pathOf(id)}/artifacts`, artifactListSchema, { query: page }),
    async *artifact(id, path, { signal } = {}) {
      const file = path.split('/').map(encodeURIComponent).join('/');
      const headers = { accept: '*/*' };
      yield* bodyOf(await open(`${pathOf(id)}/artifacts/${file}`, { signal, headers }));
    },
    async *archive(id, { signal } = {}) {
      const headers = { accept: '*/*' };
      yield* bodyOf(await open(`${pathOf(id)}/archive`, { signal, headers }));
    },
    events: (id, page = {}) => json(`${pathOf(id)}/events`, eventListSchema, { query: page }),
  };
}
