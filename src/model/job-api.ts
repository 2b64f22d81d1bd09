import { z } from 'zod';
import { exitSchema } from './api.ts';
import { jobCauses, jobSpecSchema } from './job-spec.ts';
import { jobTypeSpecSchema } from './job-type.ts';
import { jobStates } from './job-state.ts';

/** What travels over `/api/v1/jobs`. Times are ISO 8601 in UTC, durations milliseconds. */
const time = (description: string) => z.string().meta({ description, format: 'date-time' });

export const cancelSchema = z
  .object({
    actor: z.string().describe('Who asked'),
    why: z.string().describe('Why they asked'),
    requestedAt: time('When it was asked for'),
    signalledAt: time('When SIGTERM was sent; null where nothing ran').nullable(),
    killedAt: time('When the grace was over and SIGKILL followed').nullable(),
    goneAt: time('When nothing of it ran any more').nullable(),
  })
  .describe('What was seen of an end that somebody asked for');

const queueSchema = z
  .object({
    ahead: z.int().min(0).describe('How many go before it'),
    reason: z.string().describe('Why it waits, how many go before it, and for about how long'),
    startsInMs: z
      .int()
      .nullable()
      .describe('When it will probably start, by how long its like ran; null when nobody knows'),
  })
  .describe('Its place in the queue');

export const jobLinksSchema = z
  .object({
    self: z.string().describe('This resource'),
    events: z.string().describe('Its timeline'),
    logs: z.string().describe('Its output, live or archived'),
    artifacts: z.string().describe('The files it left'),
    page: z.string().describe('Page for people'),
    workflow: z.string().nullable().describe('Its workflow in the Temporal Web UI, if configured'),
  })
  .describe('Addresses of what belongs to it');

export const jobSchema = z
  .object({
    id: z.string().describe('Its id'),
    title: z.string().describe('Shown to people; the id when none was given'),
    space: z.string().describe('Space it belongs to'),
    owner: z.string().describe('Who submitted it'),
    type: z.string().nullable().describe('Its job type, if it has one'),
    spec: jobSpecSchema.describe('What is run, with defaults filled in'),
    state: z.enum(jobStates).describe('How far it is'),
    terminal: z.boolean().describe('True when it is over: succeeded, failed, canceled or expired'),
    cause: z.enum(jobCauses).nullable().describe('Why it, or its last attempt, did not end well'),
    explanation: z.string().describe('What it is doing, since when and why, in one sentence'),
    detail: z.string().nullable().describe('Finer word on that'),
    attempt: z.int().min(0).describe('The attempt that runs or ran last; 0 before the first'),
    host: z.string().nullable().describe('Host of that attempt'),
    hostSilentSince: time(
      'When that host was last heard of, if it is silent: what runs there is not known',
    ).nullable(),
    devices: z.array(z.string()).describe('Devices it holds'),
    queue: queueSchema.nullable().describe('Its place in the queue; null when it does not wait'),
    cancel: cancelSchema.nullable().describe('Set when its end was asked for'),
    exit: exitSchema.nullable().describe('How its last attempt ended'),
    imageDigest: z.string().nullable().describe('Digest of the image that ran'),
    progress: z
      .record(z.string(), z.unknown())
      .nullable()
      .describe('What it last said: progress.json, or its lines `::labkeeper key=value …`'),
    progressAt: time('When it was read').nullable(),
    figures: z
      .object({
        percent: z.number().min(0).max(100).nullable().describe('How far it is'),
        step: z.number().nullable().describe('Where it is'),
        steps: z.number().nullable().describe('Where it will be at its end'),
        stepsPerSecond: z.number().nullable().describe('Mean of this attempt'),
        leftMs: z.int().min(0).nullable().describe('How long it takes if it goes on as it went'),
        status: z.string().nullable().describe('What it calls what it is doing'),
      })
      .describe('What its progress comes to; null for what it does not tell'),
    result: z
      .union([
        z.object({ value: z.unknown().describe('Content of result.json') }),
        z.object({ problem: z.string().describe('Why it could not be taken') }),
      ])
      .nullable()
      .describe('What came of it; null without a result.json'),
    submittedAt: time('When it was accepted'),
    queuedAt: time('When it last began to wait'),
    startedAt: time('When its last attempt began to run').nullable(),
    finishedAt: time('When it was over').nullable(),
    since: time('Since when the state holds'),
    lastLogLines: z.array(z.string()).describe('Last lines of its output, once an attempt is over'),
    links: jobLinksSchema,
  })
  .describe('A job');

export type JobJson = z.infer<typeof jobSchema>;

export const submittedJobSchema = jobSchema
  .extend({ outcome: z.enum(['created', 'existing']).describe('Whether this request made it') })
  .describe('A job as it was submitted');
export type SubmittedJobJson = z.infer<typeof submittedJobSchema>;

export const artifactSchema = z
  .object({
    path: z.string().describe('Below its output folder'),
    sizeBytes: z.int().min(0).describe('Its size'),
    modifiedAt: time('When it was last written'),
    contentType: z.string().describe('What it is sent as, by its name'),
    href: z.string().describe('Where it is downloaded'),
  })
  .describe('A file that a job left');

export const artifactListSchema = z
  .object({
    items: z.array(artifactSchema).describe('By path'),
    next: z.string().nullable().describe('Pass as `after` to read on; null at the end'),
    complete: z.boolean().describe('False when there are more files than are looked at'),
  })
  .describe('A page of what a job left');
export type ArtifactListJson = z.infer<typeof artifactListSchema>;

export const jobMetricsSchema = z
  .object({
    attempt: z.int().min(0).describe('The attempt they are of; 0 without any'),
    series: z
      .array(
        z.object({
          name: z.string().describe('As the program calls it'),
          points: z
            .array(
              z.object({
                at: time('When it was read'),
                step: z.number().nullable().describe('Where the program was, if it says so'),
                value: z.number().describe('What it said'),
              }),
            )
            .describe('In the order of time; the whole attempt in 512 points at most'),
        }),
      )
      .describe('By name; the first 32 that were told'),
  })
  .describe('The numbers of a job over time');
export type JobMetricsJson = z.infer<typeof jobMetricsSchema>;

export const uploadSchema = z
  .object({
    id: z.string().describe('What `inputs` of a submission name it by'),
    owner: z.string().describe('Who sent it, and may use it'),
    name: z.string().describe('Its name in the inputs of a job'),
    sizeBytes: z.int().min(0).describe('Its size'),
    sha256: z.string().describe('Its digest, in hexadecimal digits'),
    createdAt: time('When it began to come'),
    expiresAt: time('Gone after this, unless a job that is not over reads it'),
  })
  .describe('A file for jobs to read');

export const jobListSchema = z
  .object({
    items: z.array(jobSchema).describe('Newest first'),
    next: z.string().nullable().describe('Pass as `before` to read on; null at the end'),
  })
  .describe('A page of jobs');
export type JobListJson = z.infer<typeof jobListSchema>;

const heldSchema = z
  .object({
    scope: z.string().describe('What is held: `queue` is all of it, `space/NAME` one space'),
    actor: z.string().describe('Who holds it'),
    why: z.string().describe('Why they do'),
    since: time('Since when'),
  })
  .describe('Something that is kept from starting');

const leaseSchema = z
  .object({
    job: z.string().nullable().describe('The job; null in a space of others'),
    owner: z.string().nullable().describe('Who submitted it; null in a space of others'),
    cpus: z.number().describe('Cores it holds'),
    memoryBytes: z.int().describe('Memory it holds'),
    devices: z.int().describe('GPUs it holds'),
    leftMs: z.int().nullable().describe('How long it will probably run; null when nobody knows'),
  })
  .describe('What one job holds of a host');

const queueHostSchema = z
  .object({
    name: z.string().describe('Its name'),
    takesWork: z.boolean().describe('False while it is not heard of, or its disk is full'),
    cpus: z.number().describe('Cores that jobs may hold together'),
    memoryBytes: z.int().describe('Memory that jobs may hold together'),
    devices: z.int().describe('GPUs it has'),
    leases: z.array(leaseSchema).describe('What is held of it'),
  })
  .describe('A host as the queue sees it');

const waitingSchema = z
  .object({
    job: z.string().nullable().describe('The job; null in a space of others'),
    owner: z.string().nullable().describe('Who submitted it; null in a space of others'),
    priority: z.int().describe('As it was submitted'),
    waitedMs: z.int().describe('How long it has waited'),
    ahead: z.int().min(0).describe('How many go before it'),
    reason: z.string().nullable().describe('Why it waits; null in a space of others'),
    startsInMs: z.int().nullable().describe('When it will probably start; null when nobody knows'),
  })
  .describe('A job that waits');

export const queueViewSchema = z
  .object({
    hosts: z.array(queueHostSchema).describe('By name'),
    waiting: z.array(waitingSchema).describe('In the order in which they would go'),
    holds: z.array(heldSchema).describe('What is kept from starting'),
  })
  .describe('Who runs where, and who waits for what');
export type QueueJson = z.infer<typeof queueViewSchema>;

export const jobTypeSchema = z
  .object({
    name: z.string().describe('Its name'),
    title: z.string().describe('Shown to people; the name when none was given'),
    space: z.string().describe('Space it belongs to: whose users may submit jobs of it'),
    owner: z.string().describe('Who defined it'),
    spec: jobTypeSpecSchema.describe('Its definition, with defaults filled in'),
    revision: z.int().describe('Counts definitions from 1'),
    createdAt: time('When it was first defined'),
    updatedAt: time('When it was last changed'),
    links: z
      .object({
        self: z.string().describe('This resource'),
        validate: z.string().describe('Where a config is checked'),
      })
      .describe('Addresses of what belongs to it'),
  })
  .describe('A named kind of job');
export type JobTypeJson = z.infer<typeof jobTypeSchema>;

export const definedJobTypeSchema = jobTypeSchema
  .extend({ outcome: z.enum(['created', 'replaced', 'unchanged']).describe('What was done') })
  .describe('A job type as it was defined');

export const jobTypeListSchema = z
  .object({
    items: z.array(jobTypeSchema).describe('Job types by name'),
    next: z.string().nullable().describe('Pass as `after` to read on; null at the end'),
  })
  .describe('A page of job types');

export const checkedConfigSchema = z
  .object({
    valid: z.boolean().describe('True when a submission with it would be taken'),
    errors: z
      .array(
        z.object({
          path: z.string().describe('The field, such as `config.batteries.0.size`'),
          message: z.string().describe('What is wrong with it'),
        }),
      )
      .describe('Every mistake, at most 50'),
  })
  .describe('What is wrong with a config');
