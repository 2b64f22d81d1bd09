import { z } from 'zod';
import { linkIdSchema } from './access.ts';
import { nameSchema } from './name-schema.ts';
import { personNameSchema, roleSchema, spaceNameSchema } from './person.ts';

/** People, spaces and credentials as they travel over `/api/v1`; see api.ts for the conventions. */
const time = (description: string) => z.string().meta({ description, format: 'date-time' });
const next = z.string().nullable().describe('Pass as `after` to read on; null at the end');
const rolesSchema = z
  .record(z.string(), roleSchema)
  .describe('Role by name of the space; spaces that are not named have none');

export const meSchema = z
  .object({
    person: z.string().describe('Your name; `local user` where no login is needed'),
    operator: z.boolean().describe('True when you may do everything everywhere'),
    roles: rolesSchema,
    via: z
      .enum(['session', 'token', 'proxy', 'machine', 'open'])
      .describe('How you proved who you are'),
  })
  .describe('Who asks');

export const personSchema = z
  .object({
    name: personNameSchema,
    title: z.string().describe('Shown to people'),
    operator: z.boolean().describe('May do everything everywhere'),
    disabled: z.boolean().describe('Cannot log in'),
    roles: rolesSchema,
    createdAt: time('When it was added'),
    createdBy: z.string().describe('Who added it'),
    lastSeenAt: time('When it was last heard of').nullable(),
  })
  .describe('Somebody who can log in');

export const personListSchema = z
  .object({ items: z.array(personSchema).describe('People by name'), next })
  .describe('A page of people');

export const spaceSchema = z
  .object({
    name: spaceNameSchema,
    title: z.string().describe('Shown to people'),
    maxApps: z.int().nullable().describe('Apps it may have; null sets no limit'),
    maxAwakeApps: z
      .int()
      .nullable()
      .describe('Apps of it awake at once; a wake beyond that is 429; null sets no limit'),
    maxRunningJobs: z
      .int()
      .nullable()
      .describe('Jobs of it that run at once; others wait; null sets no limit'),
    maxQueuedJobs: z
      .int()
      .nullable()
      .describe('Jobs of it that may wait; more is 429; null sets no limit'),
    apps: z.int().describe('Apps it has'),
    awakeApps: z.int().describe('Apps of it that are awake, on their way there or falling asleep'),
    runningJobs: z.int().describe('Jobs of it that hold capacity'),
    queuedJobs: z.int().describe('Jobs of it that wait'),
    members: z.int().describe('People with a role in it'),
    createdAt: time('When it was added'),
  })
  .describe('A course or project: what belongs together, and who may use it');

export const spaceListSchema = z
  .object({ items: z.array(spaceSchema).describe('Spaces by name'), next })
  .describe('A page of spaces');

export const memberSchema = z
  .object({
    person: personNameSchema,
    title: z.string().describe('Shown to people'),
    role: roleSchema,
    since: time('Since when they have the role'),
  })
  .describe('A person with a role in a space');

export const memberListSchema = z
  .object({ items: z.array(memberSchema).describe('Members by name'), next })
  .describe('A page of members');

/** Names one login of a person, or all of them. */
export const endedSessionSchema = z.union([z.uuid(), z.literal('all')]);

export const roleBodySchema = z.strictObject({ role: roleSchema }).describe('The role to give');

export const sessionSchema = z
  .object({
    id: z.string().describe('Names it; lets nobody in'),
    person: z.string().describe('Who is logged in'),
    via: z.string().describe('How they logged in'),
    agent: z.string().describe('What their browser calls itself'),
    current: z.boolean().describe('True for the one that asks'),
    createdAt: time('When they logged in'),
    expiresAt: time('When it ends'),
    lastSeenAt: time('When it was last used, to the minute'),
  })
  .describe('A login of a browser');

export const sessionListSchema = z
  .object({ items: z.array(sessionSchema).describe('Last used first') })
  .describe('Logins that have not ended');

const tokenShape = {
  id: z.string().describe('Names it; lets nobody in'),
  person: z.string().describe('Whose it is: it may do what they may'),
  label: z.string().describe('What it is for'),
  state: z.enum(['active', 'expired', 'revoked']).describe('Whether it still lets in'),
  createdAt: time('When it was made'),
  createdBy: z.string().describe('Who made it'),
  expiresAt: time('When it stops working'),
  revokedAt: time('When it was revoked').nullable(),
  lastUsedAt: time('When it was last used, to the minute').nullable(),
};

export const tokenSchema = z.object(tokenShape).describe('A bearer token, without its secret');

export const newTokenAnswerSchema = z
  .object({
    ...tokenShape,
    token: z.string().describe('The token itself: shown this once, kept nowhere'),
  })
  .describe('A token that was just made');

export const tokenListSchema = z
  .object({ items: z.array(tokenSchema).describe('Newest first') })
  .describe('Tokens, also those that let nobody in any more');

/** What the command line asks on the machine itself, with the internal secret. */
export const machineLoginSchema = z.strictObject({
  person: personNameSchema,
  operator: z.boolean().default(false).describe('Also makes them operator'),
});

const appLinkShape = {
  id: linkIdSchema,
  app: nameSchema.describe('The one app it opens'),
  label: z.string().describe('What it is for'),
  state: z.enum(['active', 'expired', 'revoked']).describe('Whether it still lets in'),
  createdAt: time('When it was made'),
  createdBy: z.string().describe('Who made it'),
  expiresAt: time('When it stops working'),
  revokedAt: time('When it was revoked').nullable(),
};

export const appLinkSchema = z
  .object(appLinkShape)
  .describe('A link that opens one app, without what lets in');

export const newAppLinkAnswerSchema = z
  .object({
    ...appLinkShape,
    url: z.string().describe('The link itself: shown this once, kept nowhere'),
  })
  .describe('A link that was just made');

export const appLinkListSchema = z
  .object({ items: z.array(appLinkSchema).describe('Newest first') })
  .describe('Links to an app, also those that let nobody in any more');

export const loginLinkSchema = z
  .object({
    person: z.string().describe('Whom it logs in'),
    url: z.string().describe('Open it in a browser; it works once'),
    expiresAt: time('When it stops working'),
  })
  .describe('A link that logs a person in, once');

export type MeJson = z.infer<typeof meSchema>;
export type PersonJson = z.infer<typeof personSchema>;
export type SpaceJson = z.infer<typeof spaceSchema>;
export type MemberJson = z.infer<typeof memberSchema>;
export type SessionJson = z.infer<typeof sessionSchema>;
export type TokenJson = z.infer<typeof tokenSchema>;
export type NewTokenJson = z.infer<typeof newTokenAnswerSchema>;
export type LoginLinkJson = z.infer<typeof loginLinkSchema>;
export type AppLinkJson = z.infer<typeof appLinkSchema>;
export type NewAppLinkJson = z.infer<typeof newAppLinkAnswerSchema>;
