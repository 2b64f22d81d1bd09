import { newToken } from '../../src/api/auth/secrets.ts';
import type { Role } from '../../src/model/roles.ts';
import { openApi, type ApiBed } from './bed.ts';

export interface People {
  /** Adds a person with roles, and gives headers with a token of theirs. */
  person(
    name: string,
    roles?: Record<string, Role>,
    more?: { operator?: boolean },
  ): Promise<Record<string, string>>;
  /** Logs a person in as a browser does, and gives its headers. */
  browser(name: string): Promise<Record<string, string>>;
}

export type PeopleBed = ApiBed & People;

const by = { actor: 'test' };

/** The API where people log in, with the spaces `ml101` and `bio`. */
export async function openPeople(options: Parameters<typeof openApi>[0] = {}): Promise<PeopleBed> {
  const { settings, ...rest } = options;
  const bed = await openApi({ ...rest, settings: { authentication: 'required', ...settings } });
  for (const space of ['ml101', 'bio']) await bed.store.spaces.put(space, {}, by);
  return { ...bed, ...peopleOf(bed) };
}

/** Ways to let people into a bed where they log in. */
export function peopleOf(bed: ApiBed): People {
  return {
    async person(name, roles = {}, { operator = false } = {}) {
      await bed.store.people.put(name, { operator }, by);
      for (const [space, role] of Object.entries(roles)) {
        await bed.store.spaces.setRole(space, name, role, by);
      }
      const { id, text, digest } = newToken();
      await bed.store.tokens.add(
        { id, digest, person: name, label: 'test', lastsMs: 3_600_000 },
        by,
      );
      return { authorization: `Bearer ${text}` };
    },
    async browser(name) {
      const code = await loginCode(bed, name);
      const answer = await useLink(bed, code);
      const cookie = answer.headers.get('set-cookie')?.split(';', 1)[0];
      if (answer.status !== 303 || cookie === undefined) {
        throw new Error(`${name} was not logged in: ${answer.status} ${await answer.text()}`);
      }
      return { cookie, origin: 'http://127.0.0.1:8090', host: '127.0.0.1:8090' };
    },
  };
}

/** The secret of a fresh login link. */
export async function loginCode(bed: ApiBed, person: string): Promise<string> {
  const answer = await bed.send('POST', '/internal/login-links', {
    body: { person },
    headers: { authorization: 'Bearer a-secret-of-the-test-bed' },
  });
  const { url } = (await answer.json()) as { url: string };
  return new URL(url).searchParams.get('code') ?? '';
}

/** Presses the button of the login page. */
export function useLink(bed: ApiBed, code: string, to = '/'): Promise<Response> {
  return bed.send('POST', '/login/link', {
    body: new URLSearchParams({ code, to }).toString(),
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      origin: 'http://127.0.0.1:8090',
      host: '127.0.0.1:8090',
      'user-agent': 'a browser',
    },
  });
}
