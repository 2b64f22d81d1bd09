import type { LoginLinkJson } from '../../model/people-api.ts';
import type { By } from '../../store/people-ports.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { loginLinkJson } from '../present-people.ts';
import { digestOf, newSecret } from './secrets.ts';

/** Makes one-time login links; the API and the internal side of the command line both do. */
export interface LoginLinks {
  /** Throws `not_found` for an unknown person. */
  make(person: string, by: By): Promise<LoginLinkJson>;
}

export function loginLinks({
  store,
  settings,
}: Pick<ApiDependencies, 'store' | 'settings'>): LoginLinks {
  return {
    async make(person, by) {
      const secret = newSecret();
      const expiresAt = new Date(Date.now() + settings.loginLinkMs);
      await store.sessions.addLoginLink(
        { digest: digestOf(secret), person, lastsMs: settings.loginLinkMs },
        by,
      );
      return loginLinkJson({ person, secret, consoleUrl: settings.publicConsoleUrl, expiresAt });
    },
  };
}
