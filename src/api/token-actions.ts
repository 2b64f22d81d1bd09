import { LabError } from '../model/failures.ts';
import type { NewToken } from '../model/person.ts';
import type { Caller } from '../model/roles.ts';
import type { Token } from '../store/people-ports.ts';
import { requireMay } from './auth/authorize.ts';
import type { Identity } from './auth/identify.ts';
import { newToken } from './auth/secrets.ts';
import type { ApiDependencies } from './dependencies.ts';

/** Making and revoking bearer tokens; the API and the account page both do it here. */
export interface TokenActions {
  /**
   * Makes a token; its text is in the answer and nowhere else. Throws `forbidden` for others' without
   * being operator, `conflict` where no login is needed, `not_found`, `quota_exceeded`.
   */
  make(identity: Identity, wish: NewToken): Promise<{ token: Token; text: string }>;
  /** Idempotent. Throws `not_found`, also for tokens that are none of the caller's business. */
  revoke(caller: Caller, id: string): Promise<Token>;
}

export function tokenActions({ store }: Pick<ApiDependencies, 'store'>): TokenActions {
  return {
    async make({ caller, via }, { label, person, expiresInMs }) {
      if (via === 'open' && person === undefined) {
        throw new LabError(
          'conflict',
          'cannot make a token for the local user: without authentication none is needed; name a person, or set LABKEEPER_AUTHENTICATION=required',
        );
      }
      const { id, text, digest } = newToken();
      const token = await store.tokens.add(
        { id, digest, person: whose(caller, person), label, lastsMs: expiresInMs },
        { actor: actorOf(caller) },
      );
      return { token, text };
    },

    async revoke(caller, id) {
      const token = await store.tokens.find(id);
      // Whose a token is, is nobody's business.
      if (token === null || (token.person !== caller.person && !caller.operator)) {
        throw new LabError('not_found', `there is no token ${id}`);
      }
      return store.tokens.revoke(id, { actor: actorOf(caller) });
    },
  };
}

/** Oneself, or the person that an operator asked for. Throws `forbidden`. */
export function whose(caller: Caller, asked: string | undefined): string {
  const own = caller.person ?? '';
  if (asked !== undefined && asked !== own) requireMay(caller, 'person.manage', null, 'here');
  return asked ?? own;
}

const actorOf = ({ person }: Caller): string => person ?? 'visitor';
