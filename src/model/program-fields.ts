import { z } from 'zod';
import { nameSchema } from './name-schema.ts';

export const second = 1000;
export const minute = 60 * second;
export const MiB = 1024 * 1024;
export const day = 24 * 60 * minute;

export const durationMs = (description: string, defaultMs: number, minimumMs = 10) =>
  z
    .int()
    .min(minimumMs)
    .max(365 * day)
    .default(defaultMs)
    .describe(description);

/** OCI image reference: [registry/]path[:tag][@digest]. Tight, since it reaches a registry URL. */
const imagePattern =
  /^[a-z0-9]+(?:[._:/-][a-zA-Z0-9]+|__[a-z0-9]+)*(?::[\w][\w.-]{0,127})?(?:@sha256:[a-f0-9]{64})?$/;

const noNul = (value: string) => !value.includes('\0');

const variableNameSchema = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,255}$/, 'must be an environment variable name');

/** What says which program runs, and with what: the same for apps and jobs. */
export const programFields = {
  image: z
    .string()
    .max(512)
    .regex(imagePattern, 'must be an image reference such as registry.example/team/plot:v2')
    .optional()
    .describe('Container image; runs under Docker. Without it, `command` runs as a process'),
  command: z
    .array(z.string().max(8192).refine(noNul, 'must not contain a NUL character'))
    .min(1)
    .max(256)
    .optional()
    .describe('Argument list, never a shell string; {port}, {base} and {volume:NAME} are replaced'),
  workingDirectory: z
    .string()
    .max(4096)
    .regex(/^\//, 'must be an absolute path')
    .refine(noNul, 'must not contain a NUL character')
    .optional()
    .describe('Where the command starts; for processes the instance folder when absent'),
  environment: z
    .record(
      variableNameSchema,
      z.string().max(32_768).refine(noNul, 'must not contain a NUL character'),
    )
    .refine((value) => Object.keys(value).length <= 200, 'has more than 200 variables')
    .default({})
    .describe('Plain variables; never put a secret here'),
  secrets: z
    .record(variableNameSchema, nameSchema.describe('Name of a secret of its space'))
    .refine((value) => Object.keys(value).length <= 50, 'has more than 50 variables')
    .default({})
    .describe('Variables whose values are secrets, by name: read when an instance starts'),
};

/** What one instance may use; the rest of its host is not its own. */
export const limitsField = (defaults: { memoryBytes: number; pids: number }) =>
  z
    .strictObject({
      cpus: z.number().min(0.05).max(256).default(1).describe('CPU cores, fractions allowed'),
      memoryBytes: z
        .int()
        .min(16 * MiB)
        .max(4096 * 1024 * MiB)
        .default(defaults.memoryBytes)
        .describe('Memory in bytes, swap included'),
      pids: z.int().min(1).max(65_536).default(defaults.pids).describe('Processes and threads'),
    })
    .prefault({})
    .describe('What one instance may use');
