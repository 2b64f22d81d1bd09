import {
  loginLinkSchema,
  memberListSchema,
  newTokenAnswerSchema,
  personListSchema,
  personSchema,
  spaceListSchema,
  spaceSchema,
  tokenListSchema,
  tokenSchema,
  type LoginLinkJson,
  type MemberJson,
  type NewTokenJson,
  type PersonJson,
  type SpaceJson,
  type TokenJson,
} from '../model/people-api.ts';
import type { PersonChange, SpaceChange } from '../model/person.ts';
import type { Role } from '../model/roles.ts';
import { pages } from './pages.ts';
import type { Transport } from './transport.ts';

/** People, spaces and tokens. What others' rights forbid rejects with `forbidden`. */
export interface PeopleMethods {
  tokens: {
    /** Newest first; yours, or of `person` for operators. */
    list(of?: { person?: string }): Promise<TokenJson[]>;
    /** Its `token` is shown this once. */
    create(wish: { label: string; person?: string; expiresInMs?: number }): Promise<NewTokenJson>;
    /** Again is fine. */
    revoke(id: string): Promise<TokenJson>;
  };
  people: {
    /** All by name, page by page; `search` keeps those whose name or title contains it. */
    all(filter?: { search?: string }): AsyncGenerator<PersonJson>;
    show(name: string): Promise<PersonJson>;
    /** Adds or changes; what is left out stays. */
    set(name: string, change: PersonChange): Promise<PersonJson>;
    /** A link that logs them in once. */
    loginLink(name: string): Promise<LoginLinkJson>;
  };
  spaces: {
    /** All that one may see by name, page by page. */
    all(): AsyncGenerator<SpaceJson>;
    show(name: string): Promise<SpaceJson>;
    /** Adds or changes; what is left out stays. */
    set(name: string, change: SpaceChange): Promise<SpaceJson>;
    /** Refused while something is in it. */
    remove(name: string): Promise<void>;
    /** All members by name, page by page. */
    members(name: string): AsyncGenerator<MemberJson>;
    /** Makes a person a member, or changes their role. */
    setRole(space: string, person: string, role: Role): Promise<void>;
    /** Again is fine. */
    dropRole(space: string, person: string): Promise<void>;
  };
}

export function peopleMethods({ json, open }: Transport): PeopleMethods {
  const personPath = (name: string) => `/api/v1/people/${encodeURIComponent(name)}`;
  const spacePath = (name: string) => `/api/v1/spaces/${encodeURIComponent(name)}`;
  const memberPath = (space: string, person: string) =>
    `${spacePath(space)}/members/${encodeURIComponent(person)}`;
  const done = async (answer: Promise<Response>): Promise<void> => {
    await (await answer).body?.cancel();
  };

  return {
    tokens: {
      list: async (of = {}) =>
        (await json('/api/v1/tokens', tokenListSchema, { query: { ...of } })).items,
      create: (wish) =>
        json('/api/v1/tokens', newTokenAnswerSchema, { method: 'POST', body: wish }),
      revoke: (id) =>
        json(`/api/v1/tokens/${encodeURIComponent(id)}`, tokenSchema, { method: 'DELETE' }),
    },
    people: {
      all: (filter = {}) =>
        pages((page) =>
          json('/api/v1/people', personListSchema, { query: { ...filter, ...page } }),
        ),
      show: (name) => json(personPath(name), personSchema),
      set: (name, change) => json(personPath(name), personSchema, { method: 'PUT', body: change }),
      loginLink: (name) =>
        json(`${personPath(name)}/login-links`, loginLinkSchema, { method: 'POST' }),
    },
    spaces: {
      all: () => pages((page) => json('/api/v1/spaces', spaceListSchema, { query: { ...page } })),
      show: (name) => json(spacePath(name), spaceSchema),
      set: (name, change) => json(spacePath(name), spaceSchema, { method: 'PUT', body: change }),
      remove: (name) => done(open(spacePath(name), { method: 'DELETE' })),
      members: (name) =>
        pages((page) =>
          json(`${spacePath(name)}/members`, memberListSchema, { query: { ...page } }),
        ),
      setRole: (space, person, role) =>
        done(open(memberPath(space, person), { method: 'PUT', body: { role } })),
      dropRole: (space, person) => done(open(memberPath(space, person), { method: 'DELETE' })),
    },
  };
}
