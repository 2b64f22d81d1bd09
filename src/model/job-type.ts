import { isRecord } from './is-record.ts';
import { z } from 'zod';
import { jobFields, jobSpecSchema, type JobSpec } from './job-spec.ts';

/** What whoever submits a job of a type may say of it; the rest is the type's. */
export const submitterFields = [
  'config',
  'configPath',
  'saveConfigAs',
  'inputs',
  'title',
  'tags',
  'priority',
  'queueDeadlineMs',
  'runDeadlineMs',
] as const satisfies readonly (keyof JobSpec)[];

/** The definition of a type: a job's, with the schema of its config in place of one. */
export const jobTypeSpecSchema = z
  .strictObject({
    ...jobFields,
    description: z.string().max(2000).optional().describe('One or two sentences for people'),
    configSchema: z
      .record(z.string(), z.unknown())
      .default({ type: 'object' })
      .refine((schema) => schema['type'] === 'object' || schema['type'] === undefined, {
        message: 'must be the schema of an object',
      })
      .refine((schema) => JSON.stringify(schema).length <= 65_536, {
        message: 'is larger than 64 KiB',
      })
      .describe('JSON Schema (draft 7) of the config; what it refuses is not accepted'),
    config: jobFields.config.describe('Defaults of the config, laid under what is sent'),
    maxRunning: z
      .int()
      .min(0)
      .max(100_000)
      .nullable()
      .default(null)
      .describe('Jobs of this type that run at once; null sets no limit'),
  })
  .refine((spec) => spec.image !== undefined || spec.command !== undefined, {
    when: ({ value }) => isRecord(value),
    path: ['image'],
    message: 'give an image or a command',
  });

export type JobTypeSpec = z.infer<typeof jobTypeSpecSchema>;
export type JobTypeSpecInput = z.input<typeof jobTypeSpecSchema>;

/** A job of a type: its definition under what the submitter may say. */
export function jobOfType(type: JobTypeSpec, wish: Partial<JobSpec>): JobSpec {
  const { description: _text, configSchema: _schema, maxRunning: _most, ...common } = type;
  const chosen = Object.fromEntries(
    submitterFields.flatMap((field) => (wish[field] === undefined ? [] : [[field, wish[field]]])),
  );
  const config = { ...common.config, ...wish.config };
  return jobSpecSchema.parse({ ...common, ...chosen, config });
}
