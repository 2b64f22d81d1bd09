import type { Context } from 'hono';
import { entityKinds, type EntityKind } from '../../model/names.ts';
import type { EventStore } from '../../store/ports.ts';

/** Which events somebody asked for: it stands in the query of `/manage/events`. */
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

/** What is no filter reads as none. A name may be written with its kind: `volume/data`. */
export function readEventFilter(context: Context): EventFilter {
  const query = context.req.query();
  const [first = '', second] = text(query['name']).split('/', 2);
  const written = second === undefined ? query['kind'] : first;
  return {
    kind: entityKinds.find((kind) => kind === written) ?? null,
    name: second ?? first,
    what: text(query['what']),
    actor: text(query['actor']),
    since: sinces.find(({ value }) => value === query['since'])?.value ?? null,
  };
}

const text = (given: string | undefined): string =>
  (given ?? '').trim().slice(0, 128).replaceAll('\0', '');

/** The address of `/manage/events` with a filter; pages of it add where they go on. */
export function eventsAddress(filter: EventFilter): string {
  const given = Object.entries(filter).filter((pair): pair is [string, string] => !!pair[1]);
  return given.length === 0 ? '/manage/events' : `/manage/events?${new URLSearchParams(given)}`;
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
