import type { Proof } from '../model/access.ts';
import type { Caller, Role, AccessMode, Subject } from '../model/roles.ts';
import type { PersonChange, SpaceChange } from '../model/person.ts';

/** Who acts, for the timeline: every change of people, spaces and credentials names its actor. */
export interface By {
  actor: string;
}

export interface Person {
  name: string;
  title: string;
  operator: boolean;
  disabled: boolean;
  /** Role by name of the space. */
  roles: Record<string, Role>;
  createdAt: string;
  createdBy: string;
  lastSeenAt: string | null;
}

/** Rows are disabled, never removed: a name in a timeline always means the same person. */
export interface PeopleStore {
  find(name: string): Promise<Person | null>;
  /** By name, after `after`; `search` keeps those whose name or title contains it. */
  list(page: { after?: string; search?: string; limit: number }): Promise<Person[]>;
  /**
   * Creates or changes. A new person gets `role` in the default space, so that a small lab need not
   * think of spaces. Disabling ends sessions. `unchanged` writes no event. Throws `conflict` when the last operator
   * who can log in would go.
   */
  put(
    name: string,
    change: PersonChange,
    by: By & { role?: Role },
  ): Promise<{ outcome: 'created' | 'changed' | 'unchanged'; person: Person }>;
  /** The person that an identity provider's subject is; null when nobody was tied to it. */
  findIdentity(issuer: string, subject: string): Promise<Person | null>;
  /** Ties a provider's subject to a person. Idempotent; throws `conflict` when it is somebody else's. */
  addIdentity(identity: { issuer: string; subject: string; person: string }, by: By): Promise<void>;
  /** Operators who can log in: none means that the first has still to come. */
  countOperators(): Promise<number>;
}

export interface Space {
  name: string;
  title: string;
  maxApps: number | null;
  maxAwakeApps: number | null;
  maxRunningJobs: number | null;
  maxQueuedJobs: number | null;
  apps: number;
  awakeApps: number;
  /** Jobs that hold capacity, and jobs that wait. */
  runningJobs: number;
  queuedJobs: number;
  members: number;
  createdAt: string;
}

export interface Member {
  person: string;
  title: string;
  role: Role;
  since: string;
}

export interface SpaceStore {
  find(name: string): Promise<Space | null>;
  /** By name; `names` keeps only those. */
  list(page: { names?: readonly string[]; after?: string; limit: number }): Promise<Space[]>;
  put(
    name: string,
    change: SpaceChange,
    by: By,
  ): Promise<{ outcome: 'created' | 'changed' | 'unchanged'; space: Space }>;
  /** Throws `not_found`, and `conflict` for the default space or while something is in it. */
  remove(name: string, by: By): Promise<void>;
  members(space: string, page: { after?: string; limit: number }): Promise<Member[]>;
  /** Null takes the role away. Idempotent. Throws `not_found` for an unknown space or person. */
  setRole(space: string, person: string, role: Role | null, by: By): Promise<void>;
}

/** Who a secret belongs to, read together with the roles of now. */
export interface Authenticated {
  person: Person;
  /** Id of the session or token, which names it without letting anybody in. */
  credential: string;
  expiresAt: string;
}

export interface Session {
  id: string;
  person: string;
  via: string;
  agent: string;
  createdAt: string;
  expiresAt: string;
  lastSeenAt: string;
}

/** Secrets are given and kept as SHA-256 digests; expired ones are nobody's. */
export interface SessionStore {
  /** Opens a session. `via` is the kind of login, `agent` the browser's word of itself. */
  open(input: {
    digest: Buffer;
    person: string;
    via: string;
    agent: string;
    lastsMs: number;
  }): Promise<Session>;
  /** Null for unknown, expired, and disabled people. Notes that it was seen, at most once a minute. */
  authenticate(digest: Buffer): Promise<Authenticated | null>;
  list(person: string): Promise<Session[]>;
  /** Ends one of a person's sessions, or all; how many ended. */
  end(person: string, id: string | null, by: By): Promise<number>;
  /** Makes a link that logs a person in once. Throws `not_found`. */
  addLoginLink(input: { digest: Buffer; person: string; lastsMs: number }, by: By): Promise<void>;
  /** Uses a login link up: its person, or why it lets nobody in. */
  useLoginLink(
    digest: Buffer,
  ): Promise<{ person: string } | { refused: 'unknown' | 'used' | 'expired' | 'disabled' }>;
  /** Drops what has expired, at most `limit` rows of each kind; how many went. */
  sweep(limit: number): Promise<number>;
}

export interface Token {
  id: string;
  person: string;
  label: string;
  createdAt: string;
  createdBy: string;
  expiresAt: string;
  revokedAt: string | null;
  lastUsedAt: string | null;
}

export interface TokenStore {
  /** Throws `not_found` for an unknown person, `quota_exceeded` at the limit of living tokens a person. */
  add(
    input: { id: string; digest: Buffer; person: string; label: string; lastsMs: number },
    by: By,
  ): Promise<Token>;
  /** Null for unknown, revoked and expired ones, and disabled people. */
  authenticate(id: string, digest: Buffer): Promise<Authenticated | null>;
  /** Newest first, revoked and expired ones too; of everybody without `person`. */
  list(page: { person?: string; limit: number }): Promise<Token[]>;
  find(id: string): Promise<Token | null>;
  /** Idempotent. Throws `not_found`. */
  revoke(id: string, by: By): Promise<Token>;
}

/** What lists of apps keep, by who asks: those of some spaces, and those with an access anybody has. */
export interface Visibility {
  /** Null: all. */
  spaces: readonly string[] | null;
  access: readonly AccessMode[];
}

/** `labkeeper login`: a program begins, its person confirms a short code in a browser, the program takes it. */
export interface DeviceLoginStore {
  /** Throws `quota_exceeded` when too many are pending. */
  add(input: { digest: Buffer; userCode: string; label: string; lastsMs: number }): Promise<void>;
  /** One that waits for its person; null when it was confirmed, taken, or is over. */
  find(userCode: string): Promise<{ label: string } | null>;
  /** False when there is none that waits under this code. */
  confirm(userCode: string, person: string): Promise<boolean>;
  /** Gives it once, after it was confirmed. */
  take(digest: Buffer): Promise<{ person: string; label: string } | 'pending' | 'over'>;
}

export interface AccessStore {
  /**
   * Calls `onChange` soon after it changed who may do what (a role, a person, a session, a token, a link), and
   * whenever such a hint may have been missed. Resolves when `signal` aborts; never rejects.
   */
  listen(onChange: () => void, signal: AbortSignal): Promise<void>;
  /** How each proof stands now, in the order of the questions; notes that tokens and sessions were used. */
  standings(questions: readonly { app: string; proof: Proof }[]): Promise<Standing[]>;
}

/** What is known now of a proof and of the app that it is shown to. */
export interface Standing {
  /** False when it was revoked, has expired, or its person may not log in. */
  stands: boolean;
  /** Whose it is; null for links. Roles are those in the app's space only. */
  caller: (Caller & { person: string }) | null;
  endsAt: string | null;
  /** Null when there is no such app. */
  app: (Subject & { access: AccessMode }) | null;
}

/** A link that lets its holder open one app. Only its id is kept: what lets in is the signature. */
export interface AppLink {
  id: string;
  app: string;
  label: string;
  createdAt: string;
  createdBy: string;
  expiresAt: string;
  revokedAt: string | null;
}

export interface AppLinkStore {
  /** Throws `not_found` for an unknown app, `quota_exceeded` at the limit of living links an app. */
  add(input: { id: string; app: string; label: string; expiresAt: Date }, by: By): Promise<AppLink>;
  /** Newest first, revoked and expired ones too, until their app goes. */
  list(app: string, limit: number): Promise<AppLink[]>;
  /** Idempotent. Throws `not_found`. */
  revoke(app: string, id: string, by: By): Promise<AppLink>;
}
