import { readFile } from 'node:fs/promises';
import * as client from 'openid-client';
import { isLoopback } from '../../model/bind.ts';
import { LabError } from '../../model/failures.ts';
import type { IdentityProvider, ProvenIdentity } from '../identity-provider.ts';

/** The provider is asked at most this long: a page must come, with other ways to log in. */
const timeoutS = 5;

/**
 * OpenID Connect: authorization code with PKCE, state and nonce. The provider is discovered at the first
 * login, so that labkeeper starts without it; a failed discovery is tried again with the next login.
 */
export function oidcProvider(options: {
  issuer: string;
  clientId: string;
  /** Read at discovery; null for a public client. */
  clientSecretFile: string | null;
  /** Where the provider sends the browser back to. */
  redirectUrl: string;
  title: string;
}): IdentityProvider {
  const { clientId, redirectUrl, title } = options;
  const issuer = new URL(options.issuer);
  let discovered: Promise<client.Configuration> | null = null;

  const configuration = async (): Promise<client.Configuration> => {
    discovered ??= discover().catch((error: unknown) => {
      discovered = null;
      throw error;
    });
    return discovered;
  };
  const discover = async () => {
    const secret =
      options.clientSecretFile === null
        ? undefined
        : (await readFile(options.clientSecretFile, 'utf8')).trim();
    const isLocal = issuer.protocol === 'http:' && isLoopback(issuer.hostname);
    return client.discovery(issuer, clientId, secret, undefined, {
      timeout: timeoutS,
      ...(isLocal ? { execute: [client.allowInsecureRequests] } : {}),
    });
  };

  return {
    title,
    async begin() {
      const config = await configuration();
      const attempt = {
        state: client.randomState(),
        nonce: client.randomNonce(),
        verifier: client.randomPKCECodeVerifier(),
      };
      const url = client.buildAuthorizationUrl(config, {
        redirect_uri: redirectUrl,
        scope: 'openid email profile',
        state: attempt.state,
        nonce: attempt.nonce,
        code_challenge: await client.calculatePKCECodeChallenge(attempt.verifier),
        code_challenge_method: 'S256',
      });
      return { url: url.href, attempt };
    },
    async finish(query, { state, nonce, verifier }) {
      const config = await configuration();
      const back = new URL(redirectUrl);
      back.search = query.toString();
      try {
        const tokens = await client.authorizationCodeGrant(config, back, {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: verifier,
          idTokenExpected: true,
        });
        const claims = tokens.claims();
        if (claims === undefined) throw new Error('it sent no ID token');
        // Providers may keep claims of scopes for the user info endpoint.
        const more =
          claims['email'] === undefined
            ? await client.fetchUserInfo(config, tokens.access_token, claims.sub)
            : claims;
        return proven(claims.iss, claims.sub, more);
      } catch (error) {
        if (!isRefusal(error)) throw error;
        const why = error instanceof Error ? error.message : String(error);
        throw new LabError('forbidden', `cannot log in through ${title}: ${why}`, { cause: error });
      }
    },
  };
}

function proven(
  issuer: string,
  subject: string,
  claims: Readonly<Record<string, unknown>>,
): ProvenIdentity {
  const { email, email_verified: verified, name } = claims;
  return {
    issuer,
    subject,
    email: typeof email === 'string' && verified === true ? email.toLowerCase() : null,
    name: typeof name === 'string' && name !== '' ? name.slice(0, 120) : null,
  };
}

/** The provider, or a check of what it sent, said no; else it did not answer. */
function isRefusal(error: unknown): boolean {
  if (error instanceof client.AuthorizationResponseError) return true;
  if (error instanceof client.ResponseBodyError) return error.status < 500;
  return error instanceof client.ClientError && error.code !== 'OAUTH_TIMEOUT';
}
