import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';

/** A real OpenID Connect provider, where everybody logs in under the name they type. */
export interface IdentityProviderBed {
  issuer: string;
  clientId: string;
  /** Who an account is, by the name that is typed. */
  accounts: Map<string, { email?: string; email_verified?: boolean; name?: string }>;
  /** Walks through the provider's pages as a browser would; gives where it sends the browser back to. */
  logIn(url: string, name: string): Promise<string>;
  /** Takes the provider away; whoever asks it meets a closed port. */
  close(): Promise<void>;
}

export async function openIdentityProvider(redirectUrl: string): Promise<IdentityProviderBed> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const accounts: IdentityProviderBed['accounts'] = new Map();
  const clientId = 'labkeeper-test';
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: clientId,
        redirect_uris: [redirectUrl],
        token_endpoint_auth_method: 'none',
        response_types: ['code'],
        grant_types: ['authorization_code'],
      },
    ],
    claims: { email: ['email', 'email_verified'], profile: ['name'] },
    cookies: { keys: ['a key of the test bed'] },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => ({ sub: id, ...accounts.get(id) }),
    }),
  });
  const answer = provider.callback();
  server.on('request', (request, response) => void answer(request, response));

  return {
    issuer,
    clientId,
    accounts,
    logIn: (url, name) => walk(url, name, redirectUrl),
    close: () => closed(server),
  };
}

/** Follows redirects, keeps cookies, fills in the login form, agrees to the rest. */
async function walk(from: string, name: string, until: string): Promise<string> {
  const cookies = new Map<string, string>();
  let url = from;
  let form: URLSearchParams | null = null;
  for (let step = 0; step < 20; step += 1) {
    const answer = await fetch(url, {
      redirect: 'manual',
      method: form === null ? 'GET' : 'POST',
      headers: { cookie: [...cookies].map(([key, value]) => `${key}=${value}`).join('; ') },
      ...(form === null ? {} : { body: form }),
    });
    for (const line of answer.headers.getSetCookie()) {
      const [, key = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(key, value);
    }
    const location = answer.headers.get('location');
    const page = await answer.text();
    form = null;
    if (location !== null) {
      url = new URL(location, url).href;
      if (url.startsWith(until)) return url;
      continue;
    }
    const [, action = ''] = /<form[^>]* action="([^"]+)"/.exec(page) ?? [];
    const [, prompt = ''] = /name="prompt" value="([^"]+)"/.exec(page) ?? [];
    if (action === '') throw new Error(`the provider answers ${answer.status}: ${page}`);
    form = new URLSearchParams({ prompt, login: name, password: 'any' });
    url = new URL(action, url).href;
  }
  throw new Error('the provider never sent the browser back');
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
}
