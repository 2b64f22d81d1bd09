import {
  registryListSchema,
  registrySchema,
  resealedSchema,
  secretListSchema,
  secretSchema,
  type RegistryJson,
  type RegistryListJson,
  type ResealedJson,
  type SecretJson,
  type SecretListJson,
} from '../model/secret-api.ts';
import { pages } from './pages.ts';
import type { Transport } from './transport.ts';

interface InSpace {
  /** The default space when absent. */
  space?: string;
}
type Page = InSpace & { after?: string; limit?: number };

/** What is kept goes in and never comes out; without `space` it is the default one. */
export interface SecretMethods {
  secrets: {
    list(page?: Page): Promise<SecretListJson>;
    /** All of a space by name, page by page. */
    all(where?: InSpace): AsyncGenerator<SecretJson>;
    /** The same value again changes nothing. */
    set(name: string, value: string, where?: InSpace): Promise<SecretJson>;
    /** Refused while apps use it. */
    remove(name: string, where?: InSpace): Promise<SecretJson>;
    /** Seals everything under the key that stands first in the key file. */
    reseal(): Promise<ResealedJson>;
  };
  registries: {
    list(page?: Page): Promise<RegistryListJson>;
    /** All of a space by host, page by page. */
    all(where?: InSpace): AsyncGenerator<RegistryJson>;
    set(
      host: string,
      credentials: { username: string; password: string },
      where?: InSpace,
    ): Promise<RegistryJson>;
    /** Refused while apps have images of it. */
    remove(host: string, where?: InSpace): Promise<RegistryJson>;
  };
}

export function secretMethods({ json }: Transport): SecretMethods {
  const secretPath = (name: string) => `/api/v1/secrets/${encodeURIComponent(name)}`;
  const registryPath = (host: string) => `/api/v1/registries/${encodeURIComponent(host)}`;
  const listSecrets = (page: Page = {}) =>
    json('/api/v1/secrets', secretListSchema, { query: { ...page } });
  const listRegistries = (page: Page = {}) =>
    json('/api/v1/registries', registryListSchema, { query: { ...page } });

  return {
    secrets: {
      list: listSecrets,
      all: (where = {}) => pages((page) => listSecrets({ ...where, ...page })),
      set: (name, value, where = {}) =>
        json(secretPath(name), secretSchema, {
          method: 'PUT',
          body: { value },
          query: { ...where },
        }),
      remove: (name, where = {}) =>
        json(secretPath(name), secretSchema, { method: 'DELETE', query: { ...where } }),
      reseal: () => json('/api/v1/secrets/reseal', resealedSchema, { method: 'POST' }),
    },
    registries: {
      list: listRegistries,
      all: (where = {}) => pages((page) => listRegistries({ ...where, ...page })),
      set: (host, credentials, where = {}) =>
        json(registryPath(host), registrySchema, {
          method: 'PUT',
          body: credentials,
          query: { ...where },
        }),
      remove: (host, where = {}) =>
        json(registryPath(host), registrySchema, { method: 'DELETE', query: { ...where } }),
    },
  };
}
