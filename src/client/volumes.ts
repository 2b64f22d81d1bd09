import {
  eventListSchema,
  operationSchema,
  type EventListJson,
  type OperationJson,
} from '../model/api.ts';
import {
  putVolumeSchema,
  volumeListSchema,
  volumeSchema,
  type ArchiveFormat,
  type PutVolumeJson,
  type VolumeBody,
  type VolumeJson,
  type VolumeListJson,
} from '../model/volume-api.ts';
import { pages } from './pages.ts';
import { nullWhenAbsent } from './problem-error.ts';
import { bodyOf, type Transport } from './transport.ts';

export interface VolumeMethods {
  list(page?: { space?: string; after?: string; limit?: number }): Promise<VolumeListJson>;
  /** All volumes by name, page by page. */
  all(filter?: { space?: string }): AsyncGenerator<VolumeJson>;
  show(name: string): Promise<VolumeJson>;
  /** The volume, or null when there is none. */
  find(name: string): Promise<VolumeJson | null>;
  /** Makes it, or changes title, limit and space; a title or limit that is left out gets its default. */
  put(name: string, wish?: VolumeBody): Promise<PutVolumeJson>;
  /** With everything in it. Refused while apps name it. */
  remove(name: string, options?: { why?: string; idempotencyKey?: string }): Promise<OperationJson>;
  /**
   * Everything in it, piece by piece, as fast as it is taken. Iterating throws when the archive ends before it is
   * whole; leaving the loop ends it.
   */
  archive(
    name: string,
    options?: { format?: ArchiveFormat; signal?: AbortSignal },
  ): AsyncGenerator<Uint8Array>;
  events(name: string, page?: { before?: string; limit?: number }): Promise<EventListJson>;
}

export function volumeMethods({ json, open }: Transport): VolumeMethods {
  const pathOf = (name: string) => `/api/v1/volumes/${encodeURIComponent(name)}`;
  const list: VolumeMethods['list'] = (page = {}) =>
    json('/api/v1/volumes', volumeListSchema, { query: page });
  const show = (name: string) => json(pathOf(name), volumeSchema);

  return {
    list,
    all: (filter = {}) => pages((page) => list({ ...filter, ...page })),
    show,
    find: (name) => show(name).catch(nullWhenAbsent),
    put: (name, wish = {}) => json(pathOf(name), putVolumeSchema, { method: 'PUT', body: wish }),
    remove: (name, { why, idempotencyKey } = {}) =>
      json(pathOf(name), operationSchema, {
        method: 'DELETE',
        query: { why },
        headers: { 'idempotency-key': idempotencyKey },
      }),
    async *archive(name, { format, signal } = {}) {
      const answer = await open(`${pathOf(name)}/archive`, {
        query: { format },
        signal,
        headers: { accept: '*/*' },
      });
      yield* bodyOf(answer);
    },
    events: (name, page = {}) => json(`${pathOf(name)}/events`, eventListSchema, { query: page }),
  };
}
