import { z } from 'zod';
import { jobSubmissionSchema, type JobSubmission } from './job-spec.ts';

/** Jobs of one sweep; `.<index>` is put behind its id. */
export const maxSweepJobs = 10_000;
const maxParameters = 20;

export const sweepIdSchema = z
  .string()
  .regex(
    /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,110}$/,
    'must be 1 to 110 letters, digits and . _ -, and not . or ..',
  )
  .describe('Id of a sweep, unique for good');

export const sweepStates = ['running', 'stopping', 'succeeded', 'failed', 'canceled'] as const;
export type SweepState = (typeof sweepStates)[number];

/** What one job is given beside the common config: laid over it. */
export type Parameters = Record<string, unknown>;

const nameSchema = z.string().min(1).max(200);

/** What a person asks for. */
export const sweepSchema = z
  .strictObject({
    title: z.string().min(1).max(200).optional().describe('Shown to people beside the id'),
    job: jobSubmissionSchema.describe('What all jobs have in common, whole or of a type'),
    grid: z
      .record(nameSchema, z.array(z.unknown()).min(1).max(maxSweepJobs))
      .optional()
      .describe('Values by config field: every combination is a job'),
    list: z
      .array(z.record(nameSchema, z.unknown()))
      .min(1)
      .max(maxSweepJobs)
      .optional()
      .describe('Instead: the fields of each job'),
    maxParallel: z
      .int()
      .min(1)
      .max(maxSweepJobs)
      .nullable()
      .default(null)
      .describe('Jobs of it that run at once; null sets no limit'),
    failFast: z
      .boolean()
      .default(false)
      .describe('The first job that fails ends the others; else all are run'),
  })
  .refine(({ grid, list }) => (grid === undefined) !== (list === undefined), {
    path: ['grid'],
    message: 'give a grid or a list',
  })
  .refine(({ grid, list }) => parameterNames({ grid, list }).length <= maxParameters, {
    path: ['grid'],
    message: `has more than ${maxParameters} parameters`,
  })
  .refine(({ grid }) => sizeOf(grid) <= maxSweepJobs, {
    path: ['grid'],
    error: ({ input }) =>
      `makes ${sizeOf((input as { grid?: Grid }).grid)} jobs, and a sweep has at most ${maxSweepJobs}`,
  });

type Grid = Record<string, unknown[]>;
export type Sweep = z.infer<typeof sweepSchema>;
export type SweepInput = z.input<typeof sweepSchema>;

const sizeOf = (grid: Grid = {}): number =>
  Object.values(grid).reduce((product, values) => product * values.length, 1);

/** In the order in which they were first named. */
export function parameterNames({
  grid,
  list,
}: {
  grid?: Grid | undefined;
  list?: Parameters[] | undefined;
}): string[] {
  if (grid !== undefined) return Object.keys(grid);
  return [...new Set((list ?? []).flatMap((one) => Object.keys(one)))];
}

/** What each job is given, in the order of their indexes: the last field of a grid changes fastest. */
export function parametersOf({ grid, list }: Sweep): Parameters[] {
  if (list !== undefined) return list;
  let combinations: Parameters[] = [{}];
  for (const [name, values] of Object.entries(grid ?? {})) {
    combinations = combinations.flatMap((one) =>
      values.map((value) => ({ ...one, [name]: value })),
    );
  }
  return combinations;
}

/** How many of its jobs are in which state. */
export interface SweepTally {
  queued: number;
  active: number;
  succeeded: number;
  failed: number;
  canceled: number;
}

/** What becomes of a sweep: its end, once no job of it can go on; null before. */
export function judgeSweep(
  tally: SweepTally,
  total: number,
  wasCanceled: boolean,
): { state: 'succeeded' | 'failed' | 'canceled'; detail: string } | null {
  if (tally.queued + tally.active > 0) return null;
  const parts = [
    `${tally.succeeded} of ${total} succeeded`,
    ...(tally.failed > 0 ? [`${tally.failed} failed`] : []),
    ...(tally.canceled > 0 ? [`${tally.canceled} canceled`] : []),
  ];
  const detail = parts.join(', ');
  if (wasCanceled) return { state: 'canceled', detail };
  return { state: tally.succeeded === total ? 'succeeded' : 'failed', detail };
}

/** The one sentence on a sweep. */
export function explainSweep(
  sweep: { id: string; state: SweepState; detail: string | null; total: number; since: string },
  tally: SweepTally,
): string {
  const at = `${sweep.since.slice(0, 10)} ${sweep.since.slice(11, 19)} UTC`;
  const { succeeded, failed, canceled, active, queued } = tally;
  const done = succeeded + failed + canceled;
  const now = `${done} of ${sweep.total} over, ${active} at work, ${queued} waiting`;
  const name = `sweep/${sweep.id}`;
  switch (sweep.state) {
    case 'running':
      return `${name} runs since ${at}: ${now}${failed > 0 ? `; ${failed} failed` : ''}.`;
    case 'stopping':
      return `${name} is being stopped since ${at}: ${sweep.detail ?? 'canceled'}; ${now}.`;
    case 'succeeded':
    case 'failed':
    case 'canceled':
      return `${name} ${sweep.state === 'canceled' ? 'was canceled' : sweep.state} at ${at}: ${sweep.detail ?? now}.`;
  }
}

/** The job that is asked for with one set of parameters. */
export const withParameters = (job: JobSubmission, parameters: Parameters): JobSubmission => ({
  ...job,
  config: { ...job.config, ...parameters },
});
