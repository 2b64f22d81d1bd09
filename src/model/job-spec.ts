import { z } from 'zod';
import { jobIdPattern } from './job-ids.ts';
import { nameSchema } from './name-schema.ts';
import { day, durationMs, limitsField, MiB, programFields, second } from './program-fields.ts';
import { mountMistakes, mountsSchema } from './volume-mount.ts';

export const jobIdSchema = z
  .string()
  .regex(jobIdPattern, 'must be 1 to 128 letters, digits and . _ -, and not . or ..')
  .describe('Id of a job, unique for good');

/** Why an attempt did not end well. What may be tried again is chosen among these. */
export const jobCauses = [
  'exit_code',
  'signal',
  'out_of_memory',
  'run_deadline',
  'queue_deadline',
  'image_not_found',
  'registry_refused',
  'secret_unavailable',
  'start_refused',
  'storage_full',
  'vanished',
  'host_lost',
  'artifacts_too_large',
  'canceled',
] as const;
export type JobCause = (typeof jobCauses)[number];

const retrySchema = z
  .strictObject({
    max: z.int().min(0).max(100).default(0).describe('Further attempts after a failed one'),
    causes: z
      .array(z.enum(jobCauses))
      .max(jobCauses.length)
      .default(['exit_code', 'signal', 'out_of_memory', 'vanished'])
      .describe('What is tried again; anything else ends the job'),
    delayMs: durationMs('Wait before the next attempt; doubles with each', 10 * second, 0),
    afterHostLoss: z
      .int()
      .min(0)
      .max(100)
      .default(1)
      .describe(
        'Further attempts after the host of one was given up; counted apart from the others',
      ),
  })
  .prefault({})
  .describe('Further attempts');

/** Of a file in the inputs of a job. */
export const inputNameSchema = z
  .string()
  .max(200)
  .regex(/^(?!\.{1,2}$)[^/\0-\x1f]+$/, 'must be a plain file name')
  .describe('Name of a file');

const pathBelow = (folder: string) =>
  z
    .string()
    .max(1024)
    .regex(/^(?!.*(?:^|\/)\.{0,2}(?:\/|$))[^\0]+$/, `must be a path below ${folder}`);

export const jobFields = {
  space: nameSchema.default('default').describe('Space it belongs to: whose members may see it'),
  title: z.string().min(1).max(200).optional().describe('Shown to people beside the id'),
  image: programFields.image,
  command: programFields.command.describe(
    'Argument list, never a shell string; {config}, {inputs}, {output} and {volume:NAME} are replaced',
  ),
  workingDirectory: programFields.workingDirectory,
  environment: programFields.environment,
  secrets: programFields.secrets,
  volumes: mountsSchema,
  config: z
    .record(z.string().max(200), z.unknown())
    .optional()
    .describe('What the program is to compute: given to it as the file {config}'),
  configPath: pathBelow('the folder of configurations')
    .optional()
    .describe('Instead: a YAML or JSON file below configs/ of the shared folder, as it is now'),
  inputs: z
    .array(
      z.strictObject({
        upload: z.string().min(1).max(64).describe('Id of an upload of yours'),
        name: inputNameSchema.optional().describe('Its name there; that of the upload without'),
      }),
    )
    .max(100)
    .default([])
    .describe('Files that it finds in {inputs}; sent before to /api/v1/uploads'),
  saveConfigAs: z
    .string()
    .regex(
      /^[A-Za-z0-9][\w.-]{0,190}\.(?:ya?ml|json)$/,
      'must be a plain name that ends with .yaml, .yml or .json',
    )
    .optional()
    .describe('Keeps the configuration under this name in configs/'),
  limits: limitsField({ memoryBytes: 2048 * MiB, pids: 512 }),
  devices: z.int().min(0).max(64).default(0).describe('GPUs it needs, on one host'),
  host: nameSchema.optional().describe('The one host that may run it'),
  priority: z.int().min(-100).max(100).default(0).describe('Higher goes first, for a while'),
  queueDeadlineMs: durationMs('Expires when it was not started by then', 7 * day),
  runDeadlineMs: durationMs('An attempt that runs longer is stopped and has failed', day),
  stopGraceMs: durationMs('Between SIGTERM and SIGKILL', 10 * second, 0),
  retries: retrySchema,
  maxLogBytes: z
    .int()
    .min(4096)
    .max(4096 * MiB)
    .default(256 * MiB)
    .describe('Output that is kept; what is beyond is cut, and the log says so'),
  logFile: pathBelow('the output folder')
    .optional()
    .describe('Path below {output} of a log that the program writes itself; followed too'),
  maxResultBytes: z
    .int()
    .min(1)
    .max(64 * MiB)
    .default(10 * MiB)
    .describe('Greatest result.json that is read'),
  maxArtifactBytes: z
    .int()
    .min(1)
    .max(1024 ** 5)
    .default(10 * 1024 * MiB)
    .describe('Most that its output folder may take; above it the job is stopped and has failed'),
  tags: z
    .record(z.string().min(1).max(64), z.string().max(256))
    .refine((tags) => Object.keys(tags).length <= 32, 'has more than 32 tags')
    .default({})
    .describe('Words of its owner, to find it by'),
};

type Fields = { image?: unknown; command?: unknown; volumes?: unknown; environment?: unknown };

/** Asked even when fields are wrong, so that all mistakes are told at once. */
const evenThen = {
  when: ({ value }: { value: unknown }) =>
    typeof value === 'object' && value !== null && !Array.isArray(value),
};

/** What a person submits. Defaults are filled in by parsing; unknown fields are refused. */
export const jobSpecSchema = z
  .strictObject(jobFields)
  .refine((spec: Fields) => spec.image !== undefined || spec.command !== undefined, {
    ...evenThen,
    path: ['image'],
    message: 'give an image or a command',
  })
  .refine((spec: Fields) => mountMistakes(spec).length === 0, {
    ...evenThen,
    path: ['volumes'],
    error: ({ input }: { input: unknown }) => mountMistakes(input as Fields).join('; '),
  });

/** What travels when one is submitted: of a type, or whole. */
export const jobSubmissionSchema = z
  .strictObject({
    ...jobFields,
    type: nameSchema
      .optional()
      .describe(
        'Job type: then only config, title, tags, priority and deadlines may be said beside it',
      ),
  })
  .refine(
    (spec) => spec.type !== undefined || spec.image !== undefined || spec.command !== undefined,
    { ...evenThen, path: ['image'], message: 'give an image or a command, or a type' },
  )
  .refine((spec) => spec.config === undefined || spec.configPath === undefined, {
    ...evenThen,
    path: ['configPath'],
    message: 'give config or configPath, not both',
  })
  .refine((spec: Fields) => mountMistakes(spec).length === 0, {
    ...evenThen,
    path: ['volumes'],
    error: ({ input }: { input: unknown }) => mountMistakes(input as Fields).join('; '),
  });
export type JobSubmission = z.infer<typeof jobSubmissionSchema>;
export type JobSubmissionInput = z.input<typeof jobSubmissionSchema>;

export type JobSpec = z.infer<typeof jobSpecSchema>;
/** The same before defaults: what a client may send. */
export type JobSpecInput = z.input<typeof jobSpecSchema>;

/** The durations and budgets the workflow needs, and nothing that only an activity needs. */
export type JobPolicy = Pick<JobSpec, 'runDeadlineMs' | 'stopGraceMs' | 'retries'>;

export const jobPolicyOf = (spec: JobSpec): JobPolicy => ({
  runDeadlineMs: spec.runDeadlineMs,
  stopGraceMs: spec.stopGraceMs,
  retries: spec.retries,
});
