import { z } from 'zod';
import { nameSchema } from './name-schema.ts';
import { personNameSchema } from './person.ts';
import {
  may,
  mayOpen,
  refusalOf,
  roles,
  type AccessMode,
  type Caller,
  type Subject,
} from './roles.ts';

/**
 * How gateways let people into apps: what a visitor can prove, what comes of it, and what console and
 * gateway hand each other through the browser, signed.
 */
export const linkIdSchema = z
  .string()
  .regex(/^[0-9a-f]{12}$/, 'must be the id of a link')
  .describe('Names a link; lets nobody in');

const personSchema = personNameSchema;
const tokenIdSchema = z.string().regex(/^[0-9a-f]{12}$/);

/** What stands behind a visit. It names what must still be there, and lets nobody in by itself. */
export const proofSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('session'), id: z.uuid(), person: personSchema }),
  z.strictObject({ kind: z.literal('token'), id: tokenIdSchema, person: personSchema }),
  /** A trusted proxy vouches for them: there is no login of ours that could end. */
  z.strictObject({ kind: z.literal('person'), person: personSchema }),
  z.strictObject({ kind: z.literal('link'), id: linkIdSchema }),
  /** A token as it was sent: only here its digest is compared. */
  z.strictObject({
    kind: z.literal('bearer'),
    id: tokenIdSchema,
    digest: z.string().regex(/^[0-9a-f]{64}$/),
  }),
]);
export type Proof = z.infer<typeof proofSchema>;

/** What somebody is where an app lies, as the app is told. */
const roleInAppSchema = z.enum([...roles, 'operator']).nullable();

/**
 * What a proof is worth for one app now. `ended`: it proves nothing any more. `forbidden`: they may know
 * of the app, and `why` says what is missing. `hidden`: for them there is no such app.
 */
export const openingSchema = z.discriminatedUnion('verdict', [
  z.strictObject({
    verdict: z.literal('open'),
    person: personSchema.nullable(),
    role: roleInAppSchema,
    /** When the proof ends by itself; null when only its signed copy does. */
    endsAt: z.iso.datetime().nullable(),
  }),
  z.strictObject({ verdict: z.literal('ended') }),
  z.strictObject({ verdict: z.literal('forbidden'), why: z.string() }),
  z.strictObject({ verdict: z.literal('hidden') }),
]);
export type Opening = z.infer<typeof openingSchema>;

/** Questions of one call; a gateway with more of them calls again. */
export const maxQuestions = 500;
export const openingsBodySchema = z.strictObject({
  questions: z.array(z.strictObject({ app: nameSchema, proof: proofSchema })).max(maxQuestions),
});
export const openingsSchema = z.strictObject({ openings: z.array(openingSchema) });

/** What a person may do with an app that they opened in a browser. */
export function openingOf(
  caller: Caller & { person: string },
  app: Subject & { name: string; access: AccessMode },
  endsAt: string | null,
): Opening {
  if (mayOpen(caller, app)) {
    const { person, operator } = caller;
    const role = operator ? 'operator' : (caller.roles[app.space] ?? null);
    return { verdict: 'open', person, role, endsAt };
  }
  if (!may(caller, 'app.see', app)) return { verdict: 'hidden' };
  return { verdict: 'forbidden', why: refusalOf(caller, 'app.use', app, `app/${app.name}`) };
}

/** Signed by the console, opened by the gateway, within seconds: go in with this proof. */
export const grantSchema = z.strictObject({
  app: nameSchema,
  proof: proofSchema,
  role: roleInAppSchema,
  /** Digest of what the browser got when it was sent to the console: no other one can use this. */
  state: z.string().min(1),
  /** How long the cookie may stand, in milliseconds since the epoch. */
  untilMs: z.number(),
});
export type Grant = z.infer<typeof grantSchema>;

/** Signed by the gateway for itself. */
export const appCookieSchema = grantSchema.pick({ app: true, proof: true, role: true });
export type AppCookie = z.infer<typeof appCookieSchema>;

/** Signed by the API, in the address that people pass on. */
export const appLinkSchema = z.strictObject({ app: nameSchema, id: linkIdSchema });

/** Each is signed with a key of its own: none can be shown as another. */
export const signedPurposes = {
  grant: 'app grant',
  cookie: 'app cookie',
  link: 'app link',
} as const;

/** Below an app's base, where a visitor comes in with a grant or a link. */
export const enterPath = '/.labkeeper/enter';
