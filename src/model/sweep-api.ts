import { z } from 'zod';
import { jobStates } from './job-state.ts';
import { sweepStates } from './sweep.ts';

/** What travels over `/api/v1/sweeps`. Times are ISO 8601 in UTC. */
const time = (description: string) => z.string().meta({ description, format: 'date-time' });

export const sweepJsonSchema = z
  .object({
    id: z.string().describe('Its id; its jobs are called ID.0, ID.1 and so on'),
    title: z.string().describe('Shown to people; the id when none was given'),
    space: z.string().describe('Space it belongs to'),
    owner: z.string().describe('Who submitted it'),
    type: z.string().nullable().describe('The type of its jobs, if they have one'),
    parameters: z.array(z.string()).describe('What differs among its jobs'),
    total: z.int().describe('How many jobs it has'),
    maxParallel: z.int().nullable().describe('Jobs of it that run at once; null sets no limit'),
    failFast: z.boolean().describe('The first job that fails ends the others'),
    state: z.enum(sweepStates).describe('How far it is'),
    terminal: z.boolean().describe('True when it is over'),
    explanation: z.string().describe('What it is doing, since when and why, in one sentence'),
    detail: z.string().nullable().describe('What came of it'),
    jobs: z
      .object({
        queued: z.int().describe('Waiting'),
        active: z.int().describe('Being started, running or being stopped'),
        succeeded: z.int().describe('Ended well'),
        failed: z.int().describe('Failed or expired'),
        canceled: z.int().describe('Canceled'),
      })
      .describe('How many of its jobs are how far'),
    percent: z.number().describe('Share of its jobs that are over, 0 to 100'),
    submittedAt: time('When it was accepted'),
    since: time('Since when the state holds'),
    finishedAt: time('When it was over').nullable(),
    links: z
      .object({
        self: z.string().describe('This resource'),
        jobs: z.string().describe('Its table'),
        csv: z.string().describe('The same as CSV'),
        page: z.string().describe('Page for people'),
      })
      .describe('Addresses of what belongs to it'),
  })
  .describe('Many jobs of one definition');
export type SweepJson = z.infer<typeof sweepJsonSchema>;

export const submittedSweepSchema = sweepJsonSchema
  .extend({ outcome: z.enum(['created', 'existing']).describe('Whether this request made it') })
  .describe('A sweep as it was submitted');
export type SubmittedSweepJson = z.infer<typeof submittedSweepSchema>;

export const sweepListSchema = z
  .object({
    items: z.array(sweepJsonSchema).describe('Newest first'),
    next: z.string().nullable().describe('Pass as `before` to read on; null at the end'),
  })
  .describe('A page of sweeps');
export type SweepListJson = z.infer<typeof sweepListSchema>;

export const sweepRowSchema = z
  .object({
    index: z.int().min(0).describe('Its place in the sweep'),
    job: z.string().describe('Id of the job'),
    state: z.enum(jobStates).describe('How far it is'),
    parameters: z.record(z.string(), z.unknown()).describe('What it was given'),
    progress: z.record(z.string(), z.unknown()).nullable().describe('Its last progress.json'),
    result: z
      .union([
        z.object({ value: z.unknown().describe('Content of result.json') }),
        z.object({ problem: z.string().describe('Why it could not be taken') }),
      ])
      .nullable()
      .describe('What came of it; null without a result.json'),
    detail: z.string().nullable().describe('Finer word on its state'),
    startedAt: time('When its last attempt began to run').nullable(),
    finishedAt: time('When it was over').nullable(),
    links: z
      .object({ job: z.string().describe('The job') })
      .describe('Addresses of what belongs to it'),
  })
  .describe('A job of a sweep');
export type SweepRowJson = z.infer<typeof sweepRowSchema>;

export const sweepTableSchema = z
  .object({
    items: z.array(sweepRowSchema).describe('By index'),
    next: z.string().nullable().describe('Pass as `after` to read on; null at the end'),
  })
  .describe('A page of the table of a sweep');
export type SweepTableJson = z.infer<typeof sweepTableSchema>;
