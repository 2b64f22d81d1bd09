import { z } from 'zod';
import { planEffects } from './app-plan.ts';
import { appSpecSchema } from './app-spec.ts';
import { appStatuses } from './app-view.ts';
import { nameSchema } from './name-schema.ts';

/**
 * What travels over `/api/v1`, in both directions: the API answers with it, the client reads it,
 * the OpenAPI document is made from it. Times are ISO 8601 in UTC, durations milliseconds.
 */
const time = (description: string) => z.string().meta({ description, format: 'date-time' });

/** Where a page goes on: the name or id of the last item of the page before; null at the end. */
const next = z
  .string()
  .nullable()
  .describe('Pass as `after` (lists) or `before` (timelines) to read on; null at the end');

export const exitSchema = z
  .object({
    exitCode: z.int().nullable().describe('Exit code; null when a signal ended it'),
    signal: z.string().nullable().describe('Signal that ended it; null when it exited by itself'),
    outOfMemory: z.boolean().describe('True when it was killed for using too much memory'),
  })
  .describe('How an instance ended');

export const appConditionSchema = z
  .object({
    wanted: z.enum(['awake', 'asleep', 'gone']).describe('What people and clocks want it to be'),
    phase: z
      .enum(['none', 'starting', 'ready', 'draining', 'restarting', 'failed'])
      .describe('What its current instance is doing'),
    generation: z.int().min(0).describe('Number of the current or last instance; 0 before any'),
    host: z.string().nullable().describe('Host of the current instance'),
    since: time('Since when the phase holds'),
    actor: z.string().describe('Who or what caused it'),
    why: z.string().describe('Why they did'),
    detail: z.string().nullable().describe('Finer word on what it is doing'),
    restartAt: time('When it starts again after a crash').nullable(),
    sleepsAt: time('When it falls asleep if nobody uses it from now on').nullable(),
    exit: exitSchema.nullable().describe('How its last instance ended'),
    lastLogLines: z.array(z.string()).describe('Last lines of the instance that failed'),
  })
  .describe('The state behind the status');

export const appLinksSchema = z
  .object({
    self: z.string().describe('This resource'),
    events: z.string().describe('Its timeline; a stream with Accept: text/event-stream'),
    logs: z.string().describe('Its output'),
    usage: z.string().describe('Memory and CPU now; below it `/history`'),
    page: z.string().describe('Page for people'),
    workflow: z.string().nullable().describe('Its workflow in the Temporal Web UI, if configured'),
  })
  .describe('Addresses of what belongs to it');

export const operationSchema = z
  .object({
    id: z.string().describe('The idempotency key of the command'),
    entity: z.string().describe('What it is about, such as `app/plot`'),
    verb: z.string().describe('What was asked for'),
    state: z.enum(['accepted', 'succeeded', 'failed']).describe('How far it is'),
    actor: z.string().describe('Who asked'),
    why: z.string().describe('Why they asked'),
    detail: z.string().nullable().describe('What came of it; null while it goes on'),
    createdAt: time('When it was accepted'),
    finishedAt: time('When it was over').nullable(),
    links: z
      .object({
        self: z.string().describe('This resource'),
        entity: z.string().describe('What it is about'),
      })
      .describe('Addresses of what belongs to it'),
  })
  .describe('A command that was accepted, and what came of it');

const appShape = {
  name: nameSchema,
  title: z.string().describe('Shown to people; the name when none was given'),
  space: z.string().describe('Space it belongs to'),
  owner: z.string().describe('Who registered it'),
  spec: appSpecSchema.describe('Its definition, defaults filled in'),
  specRevision: z.int().min(1).describe('Counts definitions from 1'),
  status: z.enum(appStatuses).describe('What people see'),
  explanation: z.string().describe('One sentence: what it is doing, since when, and why'),
  condition: appConditionSchema,
  url: z.string().describe('Where people open it'),
  links: appLinksSchema,
  createdAt: time('When it was registered'),
  updatedAt: time('When its row last changed'),
};

export const appSchema = z.object(appShape).describe('An app');

export const registeredAppSchema = z
  .object({
    ...appShape,
    outcome: z.enum(['created', 'replaced', 'unchanged']).describe('What the registration did'),
    operation: operationSchema.nullable().describe('The operation; null when nothing changed'),
  })
  .describe('An app as it was registered');

export const appPlanSchema = z
  .object({
    name: nameSchema,
    outcome: z
      .enum(['created', 'replaced', 'unchanged'])
      .describe('What a registration would answer'),
    effect: z
      .enum(planEffects)
      .describe(
        'What becomes of the app: `nothing`, taken over `at once`, used at the `next wake`, or a `restart` now',
      ),
    explanation: z.string().describe('The same in one sentence, with the reason'),
    changes: z
      .array(
        z.object({
          path: z.string().describe('Field, such as `limits.memoryBytes`; a list is one field'),
          before: z.unknown().describe('What is registered; null when it is not set'),
          after: z.unknown().describe('What would be; null when it would not be set'),
        }),
      )
      .describe('Every field that would change, by path'),
    warnings: z.array(z.string()).describe('What would hinder its next start, as far as is known'),
    specRevision: z
      .int()
      .min(0)
      .describe('Definition that was compared with; 0 when there is none'),
  })
  .describe('What a registration would do');

export const appListSchema = z
  .object({ items: z.array(appSchema).describe('Apps by name'), next })
  .describe('A page of apps');

export const timelineEventSchema = z
  .object({
    id: z.string().describe('Grows; pass as Last-Event-ID or `after` to resume a stream'),
    entity: z.string().describe('What it happened to'),
    at: time('When'),
    actor: z.string().describe('Who or what did it'),
    what: z.string().describe('What happened'),
    why: z.string().describe('Why'),
    data: z.record(z.string(), z.unknown()).describe('Facts for programs'),
  })
  .describe('One line of a timeline');

export const eventListSchema = z
  .object({ items: z.array(timelineEventSchema).describe('Newest first'), next })
  .describe('A page of a timeline');

export const usageSchema = z
  .object({
    memoryBytes: z.number().describe('Memory in use'),
    memoryLimitBytes: z.number().describe('Memory it may use'),
    cpus: z.number().describe('Cores in use, averaged over about a second'),
    pids: z.int().describe('Processes and threads'),
  })
  .describe('What an instance uses now');

export const appUsageSchema = z
  .object({
    name: nameSchema,
    generation: z.int().min(0).describe('Instance the figures belong to'),
    host: z.string().nullable().describe('Host it runs on'),
    usage: usageSchema.nullable().describe('Null when nothing runs'),
  })
  .describe('Memory and CPU of an app now');

/** The longest series of `/usage/history`. */
export const maxHistoryDays = 366;
export const maxHistoryWakes = 50;

const durationMs = (description: string) => z.number().min(0).describe(description);

export const appHistorySchema = z
  .object({
    name: nameSchema,
    days: z
      .array(
        z.object({
          day: z.string().meta({ description: 'Day in UTC', format: 'date' }),
          awakeMs: durationMs('Time in which it was ready for visitors'),
          wakes: z.int().min(0).describe('How often it became ready'),
        }),
      )
      .describe('Every day, oldest first; today so far is the last'),
    memory: z
      .object({
        limitBytes: z.number().describe('Memory it may use'),
        stepMs: z.number().describe('Time that a point stands for'),
        points: z
          .array(
            z.object({
              at: time('When the step began'),
              meanBytes: z.number().describe('Mean of the samples of the step'),
              peakBytes: z.number().describe('Greatest sample of the step'),
            }),
          )
          .describe('Oldest first; steps in which it did not run are missing'),
      })
      .describe('Memory in use over time'),
    wakes: z
      .array(
        z.object({
          generation: z.int().min(1).describe('Instance that became ready'),
          host: z.string().describe('Host it was started on'),
          askedAt: time('When the command was accepted that woke it'),
          readyAt: time('When visitors could reach it'),
          totalMs: durationMs('From asked to ready'),
          phases: z
            .object({
              waitMs: durationMs('Waiting for Temporal, a worker or another try'),
              placeMs: durationMs('Choosing a host'),
              pullMs: durationMs('Pulling the image; 0 when it was there'),
              startMs: durationMs('Making the instance'),
              probeMs: durationMs('Waiting for a healthy answer'),
              publishMs: durationMs('Publishing the route'),
            })
            .describe('What the time was spent on; together they are the whole'),
        }),
      )
      .describe('The last wakes, oldest first'),
  })
  .describe('Awake time, memory and wakes of an app over time');

export const deadHostSchema = z
  .object({ jobs: z.array(z.string()).describe('Ids of the jobs that were given up with it') })
  .describe('What the word that a host is dead came to');

export const hostSchema = z
  .object({
    name: nameSchema,
    online: z.boolean().describe('True when its agent was heard of lately'),
    seenAgoMs: z.number().describe('Since its agent was last heard of'),
    runtimes: z
      .array(
        z.object({
          kind: z.enum(['docker', 'process']).describe('What it can run'),
          ready: z.boolean().describe('True when it answers'),
          reason: z.string().nullable().describe('Why it is not ready'),
        }),
      )
      .describe('What it can run'),
    storage: z
      .object({
        state: z.enum(['ok', 'low', 'full']).describe('New work is refused when full'),
        freeBytes: z.number().describe('Free space of its data folder'),
        totalBytes: z.number().describe('Size of the disk'),
      })
      .describe('Disk of its data folder'),
    cpus: z.number().describe('Cores'),
    memoryBytes: z.number().describe('Memory'),
  })
  .describe('A computer that runs apps');

export const hostListSchema = z
  .object({ items: z.array(hostSchema).describe('Hosts by name') })
  .describe('All hosts');

export const logTailSchema = z
  .object({
    generation: z.int().min(0).describe('Instance the lines belong to'),
    lines: z.array(z.string()).describe('Last lines, oldest first'),
  })
  .describe('The last lines of an app');

/** Without flags, so that the OpenAPI document can say it. */
const oneLine = /^[\x20-\x7e\xa0-\uffff]*$/;

/** Bounded, and one line: it is shown in sentences. */
export const whySchema = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .regex(oneLine, 'must be one line without control characters')
  .describe('Why, in a few words; shown in timelines');

const actorSchema = z
  .string()
  .trim()
  .min(1)
  .max(120)
  .regex(oneLine, 'must be one line without control characters')
  .describe('Who or what asks');

export const commandBodySchema = z
  .strictObject({ why: whySchema.optional() })
  .describe('What to note beside the command');

export const wakeBodySchema = z
  .strictObject({ actor: actorSchema, why: whySchema })
  .describe('A visit that wakes an app');

export const operationIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/, 'must be 1 to 128 letters, digits or . _ : -')
  .describe('Idempotency key: repeating a command under the same key does it once');

export const healthSchema = z
  .object({
    status: z.enum(['ready', 'degraded', 'unavailable']).describe('unavailable comes as 503'),
    checks: z
      .record(
        z.string(),
        z.object({
          ok: z.boolean().describe('True when it works'),
          detail: z.string().nullable().describe('What is wrong, or a figure'),
        }),
      )
      .describe('One entry a part'),
  })
  .describe('Whether this process can do its work');

/** RFC 9457, with the fields that were refused. */
export const problemSchema = z
  .object({
    type: z.string().describe('What kind of problem, as a URN'),
    title: z.string().describe('The kind in words'),
    status: z.int().describe('HTTP status'),
    detail: z.string().describe('What was attempted, why it failed, what to do'),
    instance: z.string().describe('Path of the request'),
    requestId: z.string().describe('Names the request in the log'),
    errors: z
      .array(
        z.object({
          path: z.string().describe('Field, such as `idle.idleAfterMs`; empty for the whole'),
          message: z.string().describe('What is wrong with it'),
        }),
      )
      .optional()
      .describe('Every mistake of the request'),
  })
  .describe('Why a request was refused (RFC 9457)');

export type AppJson = z.infer<typeof appSchema>;
export type RegisteredAppJson = z.infer<typeof registeredAppSchema>;
export type AppPlanJson = z.infer<typeof appPlanSchema>;
export type AppListJson = z.infer<typeof appListSchema>;
export type OperationJson = z.infer<typeof operationSchema>;
export type TimelineEventJson = z.infer<typeof timelineEventSchema>;
export type EventListJson = z.infer<typeof eventListSchema>;
export type UsageJson = z.infer<typeof usageSchema>;
export type AppUsageJson = z.infer<typeof appUsageSchema>;
export type AppHistoryJson = z.infer<typeof appHistorySchema>;
export type HostJson = z.infer<typeof hostSchema>;
export type LogTailJson = z.infer<typeof logTailSchema>;
export type HealthJson = z.infer<typeof healthSchema>;
export type ProblemJson = z.infer<typeof problemSchema>;

/** The prefix of every problem's `type`. */
export const problemUrn = 'urn:labkeeper:problem:';
