/**
 * Who may do what: the one table. Pages, API and gateway ask here and nowhere else. Roles are per
 * space and each includes those before it; an operator may do everything everywhere.
 */
export const roles = ['viewer', 'user', 'instructor', 'admin'] as const;
export type Role = (typeof roles)[number];

/** Who asks. Made anew for each request, so that a role that was taken away is gone at once. */
export interface Caller {
  /** Name of the person; null for a visitor who is not logged in. */
  person: string | null;
  operator: boolean;
  /** Role by name of the space. */
  roles: Readonly<Record<string, Role>>;
}

/** What a permission is about: the space it lies in, and whose it is. */
export interface Subject {
  space: string;
  owner: string | null;
}

interface Rule {
  /** Least role in the subject's space. */
  role: Role | 'operator';
  /** Least role that is enough for one's own. */
  owner?: Role;
  /** Completes `may not …` and `that needs …`. */
  words: string;
}

const rules = {
  'app.see': { role: 'viewer', words: 'see' },
  'app.use': { role: 'user', words: 'open or wake' },
  'app.read-output': { role: 'instructor', words: 'read the output of' },
  'app.register': { role: 'instructor', words: 'register apps in' },
  'app.operate': { role: 'admin', owner: 'instructor', words: 'stop or restart' },
  'app.change': { role: 'admin', owner: 'instructor', words: 'change or remove' },
  'app.share': { role: 'admin', owner: 'instructor', words: 'share' },
  'job.see': { role: 'viewer', words: 'see' },
  'job.read-output': { role: 'instructor', owner: 'user', words: 'read the output of' },
  'job.submit': { role: 'instructor', words: 'submit jobs in' },
  'job.change': { role: 'admin', owner: 'user', words: 'cancel or remove' },
  'job-type.define': { role: 'instructor', words: 'define job types in' },
  'job-type.change': { role: 'admin', owner: 'instructor', words: 'change or remove' },
  'job.submit-type': { role: 'user', words: 'submit jobs of a type in' },
  'queue.hold': { role: 'admin', words: 'hold or release' },
  'space.see': { role: 'viewer', words: 'see' },
  'space.manage': { role: 'admin', words: 'manage the members of' },
  'space.create': { role: 'operator', words: 'create, change or remove' },
  'volume.see': { role: 'user', words: 'see' },
  'volume.read': { role: 'admin', owner: 'instructor', words: 'download' },
  'volume.create': { role: 'instructor', words: 'create volumes in' },
  'volume.change': { role: 'admin', owner: 'instructor', words: 'change or remove' },
  'secret.see': { role: 'instructor', words: 'see the secrets of' },
  'secret.change': { role: 'instructor', words: 'set or remove secrets of' },
  'secret.reseal': { role: 'operator', words: 'seal anew the secrets kept' },
  'registry.change': { role: 'operator', words: 'set registry credentials in' },
  'person.manage': { role: 'operator', words: 'manage people' },
  'host.see': { role: 'operator', words: 'see hosts' },
  'host.give-up': { role: 'operator', words: 'declare hosts dead' },
} as const satisfies Record<string, Rule>;

export type Permission = keyof typeof rules;

/** Whether `caller` may; `subject` null stands for the whole installation, which operators run. */
export function may(caller: Caller, permission: Permission, subject: Subject | null): boolean {
  if (caller.operator) return true;
  if (caller.person === null || subject === null) return false;
  const rule: Rule = rules[permission];
  const role = caller.roles[subject.space];
  if (role === undefined) return false;
  const isOwner = subject.owner !== null && subject.owner === caller.person;
  return (
    atLeast(role, rule.role) || (isOwner && rule.owner !== undefined && atLeast(role, rule.owner))
  );
}

/** One sentence: who may not do what, and what it would take. */
export function refusalOf(
  caller: Caller,
  permission: Permission,
  subject: Subject | null,
  what: string,
): string {
  const rule: Rule = rules[permission];
  const who = caller.person ?? 'a visitor who is not logged in';
  const attempt = `${who} may not ${rule.words} ${what}`;
  if (rule.role === 'operator' || subject === null) {
    return `${attempt}: that is for operators of the whole installation`;
  }
  const own = rule.owner === undefined ? '' : `, or ${rule.owner} as its owner`;
  const has = caller.roles[subject.space];
  const now = has === undefined ? 'has none' : `is ${has}`;
  return `${attempt}: that needs the role ${rule.role} in the space ${subject.space}${own}; ${who} ${now} there`;
}

/** Spaces in which the caller has the role the permission needs; null means all. */
export function spacesOf(caller: Caller, permission: Permission): readonly string[] | null {
  if (caller.operator) return null;
  const { role: least } = rules[permission] as Rule;
  return Object.entries(caller.roles)
    .filter(([, role]) => atLeast(role, least))
    .map(([space]) => space)
    .sort();
}

function atLeast(role: Role, least: Role | 'operator'): boolean {
  return least !== 'operator' && roles.indexOf(role) >= roles.indexOf(least);
}

/** Who may open an app in a browser; a signed link or a token of its own always may. */
export const accessModes = ['everyone', 'people', 'members'] as const;
export type AccessMode = (typeof accessModes)[number];

/** Whether `caller` may open an app, by its access and the roles of its space. */
export function mayOpen(caller: Caller, app: Subject & { access: AccessMode }): boolean {
  if (app.access === 'everyone' || caller.operator) return true;
  if (caller.person === null) return false;
  return app.access === 'people' || may(caller, 'app.use', app);
}

/** The access modes that let the caller open an app whatever its space. */
export function openModesOf(caller: Caller): readonly AccessMode[] {
  if (caller.operator) return accessModes;
  return caller.person === null ? ['everyone'] : ['everyone', 'people'];
}
