import { z } from '@hono/zod-openapi';
import { entityKinds, type EntityKind } from '../model/names.ts';
import type { EventStore } from '../store/ports.ts';

/** Which events somebody asked for: it stands in the query of `/manage/events` and `/api/v1/events`. */
export interface EventFilter {
  kind: EntityKind | null;
  name: string;
  what: string;
  actor: string;
  since: Since['value'] | null;
}

interface Since {
  value: string;
  label: string;
  ms: number;
}

const hourMs = 3_600_000;
export const sinces: readonly Since[] = [
  { value: '1h', label: 'The last hour', ms: hourMs },
  { value: '24h', label: 'The last day', ms: 24 * hourMs },
  { value: '7d', label: 'The last week', ms: 7 * 24 * hourMs },
  { value: '30d', label: 'The last 30 days', ms: 30 * 24 * hourMs },
];

export const maxFilterCharacters = 128;

/** What programs may ask for; a page takes the same, and reads what is no filter as none. */
export const eventFilterFields = {
  kind: z.enum(entityKinds).optional().meta({
    description: 'Page: only events of things of this kind',
    example: 'app',
  }),
  name: filterText()
    .refine(isName, `must be NAME or KIND/NAME, KIND one of ${entityKinds.join(', ')}`)
    .optional()
    .meta({
      description: 'Page: only events of this one, an app where no kind is named',
      example: 'volume/data',
    }),
  what: filterText()
    .optional()
    .meta({ description: 'Page: only events that are called so', example: 'ready' }),
  actor: filterText()
    .optional()
    .meta({ description: 'Page: only what somebody did whose name begins so', example: 'ada' }),
  since: z
    .enum(sinces.map(({ value }) => value))
    .optional()
    .meta({ description: 'Page: only events that are no older', example: '24h' }),
};

function filterText() {
  return z
    .string()
    .max(maxFilterCharacters)
    .refine((text) => !text.includes('\0'), 'must not have the character NUL');
}

function isName(name: string): boolean {
  const [first, , ...more] = name.split('/');
  return !name.includes('/') || (more.length === 0 && entityKinds.some((kind) => kind === first));
}

/** Of a query as it was written. A name may be written with its kind, which then counts: `volume/data`. */
export function eventFilter(
  query: Partial<Record<keyof typeof eventFilterFields, string | undefined>>,
): EventFilter {
  const [first = '', second] = (query.name ?? '').split('/', 2);
  const written = second === undefined ? query.kind : first;
  return {
    kind: entityKinds.find((kind) => kind === written) ?? null,
    name: second ?? first,
    what: query.what ?? '',
    actor: query.actor ?? '',
    since: sinces.find(({ value }) => value === query.since)?.value ?? null,
  };
}

/** What the store understands of it. A name without a kind is that of an app. */
export function eventSelection(
  filter: EventFilter,
): Omit<Parameters<EventStore['list']>[0], 'limit' | 'before' | 'spaces'> {
  const { kind, name, what, actor, since } = filter;
  const sinceMs = sinces.find(({ value }) => value === since)?.ms;
  return {
    ...(name === '' ? {} : { entity: `${kind ?? 'app'}/${name}` as const }),
    ...(name === '' && kind !== null ? { kind } : {}),
    ...(what === '' ? {} : { what }),
    ...(actor === '' ? {} : { actor }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
  };
}
