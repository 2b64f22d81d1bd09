import { z } from 'zod';
import { nameSchema } from './name-schema.ts';
import { roles } from './roles.ts';

/** A short name or a mail address, in lower case: what timelines call a person. */
export const personNameSchema = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9._+@-]{0,126}[a-z0-9])?$/,
    'must be a short name or mail address in lower case: letters, digits and . _ + @ -',
  )
  .describe('Name of a person: a short name or a mail address, in lower case');

/** Whom a proxy names that logs people in: they write names as they like. Null when it can be nobody here. */
export function personNamed(said: string): string | null {
  const name = personNameSchema.safeParse(said.trim().toLowerCase());
  return name.success ? name.data : null;
}

export const roleSchema = z
  .enum(roles)
  .describe('Role in a space; each includes those before it: viewer, user, instructor, admin');

/** One line without control characters, shown to people. */
const titleSchema = z
  .string()
  .trim()
  .min(1)
  .max(120)
  .regex(/^[^\u0000-\u001f\u007f]*$/, 'must be one line without control characters')
  .describe('Shown to people');

/** What an operator sets of a person. Left out: kept, or its default for somebody new. */
export const personChangeSchema = z
  .strictObject({
    title: titleSchema.optional(),
    operator: z.boolean().optional().describe('May do everything everywhere'),
    disabled: z
      .boolean()
      .optional()
      .describe('Cannot log in; sessions and tokens stop working at once'),
  })
  .describe('What to set of a person');
export type PersonChange = z.infer<typeof personChangeSchema>;

const quota = (description: string) =>
  z.int().min(0).max(1_000_000).nullable().describe(`${description}; null sets no limit`);

/** What is set of a space. Left out: kept, or its default for a new one. */
export const spaceChangeSchema = z
  .strictObject({
    title: titleSchema.optional(),
    maxApps: quota('Apps it may have').optional(),
    maxAwakeApps: quota('Apps of it that may be awake at once').optional(),
    maxRunningJobs: quota('Jobs of it that run at once').optional(),
    maxQueuedJobs: quota('Jobs of it that may wait').optional(),
  })
  .describe('What to set of a space');
export type SpaceChange = z.infer<typeof spaceChangeSchema>;

export const spaceNameSchema = nameSchema.describe('Name of a space: a DNS label');

const day = 24 * 60 * 60 * 1000;

/** Asks for a token. The limits keep forgotten ones from living for ever. */
export const newTokenSchema = z
  .strictObject({
    label: titleSchema.describe('What it is for, such as `airflow`'),
    person: personNameSchema.optional().describe('Whose; yours when left out. Others: operators'),
    expiresInMs: z
      .int()
      .min(1000)
      .max(366 * day)
      .default(90 * day)
      .describe('Stops working after this long, in milliseconds; at most 366 days'),
  })
  .describe('Asks for a token');
export type NewToken = z.infer<typeof newTokenSchema>;

/** Asks for a link that opens one app. */
export const newAppLinkSchema = z
  .strictObject({
    label: titleSchema.describe('What it is for, such as `reviewers`'),
    expiresInMs: z
      .int()
      .min(1000)
      .max(366 * day)
      .default(7 * day)
      .describe('Stops working after this long, in milliseconds; at most 366 days'),
  })
  .describe('Asks for a link');
export type NewAppLink = z.input<typeof newAppLinkSchema>;
export type AppLinkWish = z.output<typeof newAppLinkSchema>;
