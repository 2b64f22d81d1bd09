import { z } from 'zod';
import { nameSchema } from './name-schema.ts';
import { registryHostSchema } from './registry.ts';

/** Secrets as they travel over `/api/v1`: what is kept in them goes in, and never comes out. */
const time = (description: string) => z.string().meta({ description, format: 'date-time' });

const noNul = (text: string) => !text.includes('\0');
const noNulMessage = 'must not contain a NUL character';
/** The most the setting allows; the setting itself is asked by the route. */
const longestText = 120_000;

export const secretBodySchema = z
  .strictObject({
    value: z
      .string()
      .min(1)
      .max(longestText)
      .refine(noNul, noNulMessage)
      .meta({ description: 'The value; never shown again', writeOnly: true }),
  })
  .describe('What to keep');

export const registryBodySchema = z
  .strictObject({
    username: z
      .string()
      .min(1)
      .max(255)
      .refine((name) => !name.includes(':') && noNul(name), 'must not contain a colon')
      .describe('User name there'),
    password: z
      .string()
      .min(1)
      .max(longestText)
      .refine(noNul, noNulMessage)
      .meta({ description: 'Password or access token; never shown again', writeOnly: true }),
  })
  .describe('How to log in to a registry');

const keptFields = {
  space: nameSchema.describe('Space whose apps may use it'),
  version: z.int().min(1).describe('Counts what was kept under this name, from 1'),
  owner: z.string().describe('Who set it first'),
  changedBy: z.string().describe('Who set it last'),
  createdAt: time('When it was set first'),
  changedAt: time('When it was set last'),
  usedBy: z.array(nameSchema).describe('Apps that use it'),
};

const next = z.string().nullable().describe('Pass as `after` to read on; null at the end');

export const secretSchema = z
  .object({ name: nameSchema, ...keptFields })
  .describe('A secret, without its value');

export const secretListSchema = z
  .object({ items: z.array(secretSchema).describe('Secrets by name'), next })
  .describe('A page of secrets');

export const registrySchema = z
  .object({ host: registryHostSchema, ...keptFields })
  .describe('Credentials of an image registry, without what they are');

export const registryListSchema = z
  .object({ items: z.array(registrySchema).describe('Registries by host'), next })
  .describe('A page of registries with credentials');

export const appSecretSchema = z
  .object({
    variable: z.string().describe('Environment variable of the app'),
    name: nameSchema.describe('Secret it is taken from'),
    version: z
      .int()
      .nullable()
      .describe('Version that a start would use; null when it is not kept by labkeeper'),
    running: z
      .object({
        version: z.int().nullable().describe('Version; null for what its host has'),
        source: z.enum(['store', 'file', 'variable']).describe('Where it came from'),
      })
      .nullable()
      .describe('What the current instance was started with; null when there is none'),
    outdated: z.boolean().describe('True when a restart would use another version'),
  })
  .describe('A secret variable of an app, without its value');

export const appSecretListSchema = z
  .object({ items: z.array(appSecretSchema).describe('By variable') })
  .describe('The secrets of an app');

export const resealedSchema = z
  .object({
    keyId: z.string().describe('Key that seals now'),
    resealed: z.int().min(0).describe('Secrets that were sealed anew under it'),
  })
  .describe('What became of sealing everything under the newest key');

export type SecretJson = z.infer<typeof secretSchema>;
export type SecretListJson = z.infer<typeof secretListSchema>;
export type RegistryJson = z.infer<typeof registrySchema>;
export type RegistryListJson = z.infer<typeof registryListSchema>;
export type AppSecretJson = z.infer<typeof appSecretSchema>;
export type ResealedJson = z.infer<typeof resealedSchema>;
