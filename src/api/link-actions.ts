import { randomBytes } from 'node:crypto';
import { enterPath, signedPurposes } from '../model/access.ts';
import { appBasePath } from '../model/app-spec.ts';
import type { AppLinkWish } from '../model/person.ts';
import { signedText } from '../signed-text.ts';
import type { AppLink, By } from '../store/people-ports.ts';
import type { ApiDependencies } from './dependencies.ts';

/** Makes links that open one app; the API and the page of sharing both do it here. */
export interface LinkActions {
  /**
   * Makes a link. Its address is in the answer and nowhere else. Throws `not_found`, and
   * `quota_exceeded` at the limit of living links of an app.
   */
  make(app: string, wish: AppLinkWish, by: By): Promise<{ link: AppLink; url: string }>;
}

export function linkActions({
  store,
  settings,
  internalToken,
}: Pick<ApiDependencies, 'store' | 'settings' | 'internalToken'>): LinkActions {
  const signed = signedText({ secret: internalToken, purpose: signedPurposes.link });
  return {
    async make(app, { label, expiresInMs }, by) {
      const id = randomBytes(6).toString('hex');
      const expiresAt = new Date(Date.now() + expiresInMs);
      const link = await store.links.add({ id, app, label, expiresAt }, by);
      const proof = signed.sign({ app, id }, expiresAt.getTime());
      return { link, url: `${settings.appsUrl}${appBasePath(app)}${enterPath}?link=${proof}` };
    },
  };
}
