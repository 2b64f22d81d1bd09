import { z } from 'zod';
import { nameSchema } from './name-schema.ts';
import { greatestVolumeBytes, leastVolumeBytes, volumeStatuses } from './volume.ts';

/** Volumes as they travel over `/api/v1`; see api.ts for the conventions. */
const time = (description: string) => z.string().meta({ description, format: 'date-time' });

const measureSchema = z
  .object({
    sizeBytes: z.int().min(0).describe('Room it takes on the disk, as `du` counts'),
    fileCount: z.int().min(0).describe('Everything in it that is no folder'),
    whole: z.boolean().describe('False when there are more: then both are at least so great'),
    at: time('When it was measured'),
  })
  .describe('What it held when it was last measured');

const volumeLinksSchema = z
  .object({
    self: z.string().describe('This resource'),
    archive: z.string().describe('Everything in it, as a tar'),
    events: z.string().describe('Its timeline'),
    page: z.string().describe('Page for people'),
  })
  .describe('Addresses of what belongs to it');

const volumeShape = {
  name: nameSchema,
  title: z.string().describe('Shown to people; the name when none was given'),
  space: z.string().describe('Space it belongs to; apps of other spaces cannot use it'),
  owner: z.string().describe('Who made it, or registered the app that named it first'),
  host: z.string().nullable().describe('Host it lives on; null before its first use'),
  status: z.enum(volumeStatuses).describe('What people see'),
  explanation: z
    .string()
    .describe('One sentence: where it is, what it holds, what follows of that'),
  maxBytes: z.int().describe('Its limit'),
  limitMeaning: z.string().describe('One sentence: what the limit does, and what it cannot do'),
  measured: measureSchema.nullable().describe('Null before it was measured'),
  hindrance: z.string().nullable().describe('What hinders measuring or removing it'),
  apps: z.array(z.string()).describe('Apps whose definitions name it, at most 100'),
  createdAt: time('When it was made'),
  deletedAt: time('When its removal was asked for').nullable(),
  links: volumeLinksSchema,
};

export const volumeSchema = z
  .object(volumeShape)
  .describe('A named folder that outlives instances and apps');

export const putVolumeSchema = z
  .object({
    ...volumeShape,
    outcome: z.enum(['created', 'changed', 'unchanged']).describe('What the request did'),
  })
  .describe('A volume as it is now');

export const volumeListSchema = z
  .object({
    items: z.array(volumeSchema).describe('Volumes by name'),
    next: z.string().nullable().describe('Pass as `after` to read on; null at the end'),
  })
  .describe('A page of volumes');

export const volumeBodySchema = z
  .strictObject({
    title: z.string().trim().min(1).max(120).optional().describe('Shown instead of the name'),
    maxBytes: z
      .int()
      .min(leastVolumeBytes)
      .max(greatestVolumeBytes)
      .optional()
      .describe('Its limit; LABKEEPER_VOLUME_MAX_BYTES when absent'),
    space: nameSchema
      .optional()
      .describe('Space it belongs to; when absent the one it has, `default` for a new one'),
  })
  .describe('What a volume shall be');

export const archiveFormatSchema = z.enum(['tar', 'tar.gz']).default('tar');

export type VolumeJson = z.infer<typeof volumeSchema>;
export type PutVolumeJson = z.infer<typeof putVolumeSchema>;
export type VolumeListJson = z.infer<typeof volumeListSchema>;
export type VolumeBody = z.input<typeof volumeBodySchema>;
export type ArchiveFormat = z.infer<typeof archiveFormatSchema>;
