import type {
  AppLinkJson,
  LoginLinkJson,
  PersonJson,
  SessionJson,
  TokenJson,
} from '../model/people-api.ts';
import type { AppLink, Person, Session, Token } from '../store/people-ports.ts';

/** A person's row as the API answers it. */
export function personJson(person: Person): PersonJson {
  const { name, title, operator, disabled, roles, createdAt, createdBy, lastSeenAt } = person;
  return { name, title, operator, disabled, roles, createdAt, createdBy, lastSeenAt };
}

/** A login as the API answers it; `current` is the id of the one that asks. */
export function sessionJson(session: Session, current: string | null): SessionJson {
  const { id, person, via, agent, createdAt, expiresAt, lastSeenAt } = session;
  return { id, person, via, agent, current: id === current, createdAt, expiresAt, lastSeenAt };
}

/** A token as the API answers it. Its secret is kept nowhere. */
export function tokenJson(token: Token): TokenJson {
  const { id, person, label, createdAt, createdBy, expiresAt, revokedAt, lastUsedAt } = token;
  const state = stateOf(token);
  return { id, person, label, state, createdAt, createdBy, expiresAt, revokedAt, lastUsedAt };
}

/** A link to an app as the API answers it. What lets in is kept nowhere. */
export function appLinkJson(link: AppLink): AppLinkJson {
  const { id, app, label, createdAt, createdBy, expiresAt, revokedAt } = link;
  return { id, app, label, state: stateOf(link), createdAt, createdBy, expiresAt, revokedAt };
}

function stateOf({ expiresAt, revokedAt }: Pick<Token, 'expiresAt' | 'revokedAt'>) {
  if (revokedAt !== null) return 'revoked';
  return Date.parse(expiresAt) <= Date.now() ? 'expired' : 'active';
}

/**
 * The address of a one-time login. Opening it shows a button: what looks at links in mails does not
 * use it up.
 */
export function loginLinkJson(link: {
  person: string;
  secret: string;
  consoleUrl: string;
  expiresAt: Date;
}): LoginLinkJson {
  const { person, secret, consoleUrl, expiresAt } = link;
  return {
    person,
    url: `${consoleUrl}/login/link?code=${secret}`,
    expiresAt: expiresAt.toISOString(),
  };
}
