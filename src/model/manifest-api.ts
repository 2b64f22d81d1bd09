import { z } from 'zod';
import { registeredAppSchema } from './api.ts';
import { namedAppSpecSchema } from './app-spec.ts';
import { nameSchema } from './name-schema.ts';

/** Most apps of one manifest. */
export const maxManifestApps = 1_000;

/** What a `labkeeper.yaml` describes, applied as one. */
export const manifestBodySchema = z
  .strictObject({
    apps: z
      .array(namedAppSpecSchema)
      .min(1)
      .max(maxManifestApps)
      .refine(
        (apps) => new Set(apps.map(({ name }) => name)).size === apps.length,
        'names an app twice',
      )
      .describe('Definitions with their names, each name once'),
    expected: z
      .record(nameSchema, z.int().min(0))
      .default({})
      .describe(
        'By name, the definition that this is made from, 0 for none: when another stands by now, nothing is applied and the answer is 409',
      ),
  })
  .describe('Apps to register or replace, all or none');

export const manifestAnswerSchema = z
  .object({ items: z.array(registeredAppSchema).describe('In the order of the manifest') })
  .describe('Apps as they were registered');

export type ManifestBody = z.input<typeof manifestBodySchema>;
