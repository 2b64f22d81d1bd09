import type { Context } from 'hono';
import { eventFilter, maxFilterCharacters, type EventFilter } from '../event-filter.ts';

/** What is no filter reads as none: somebody typed it. */
export function readEventFilter(context: Context): EventFilter {
  const query = Object.entries(context.req.query()).map(([field, given]) => [field, typed(given)]);
  return eventFilter(Object.fromEntries(query));
}

const typed = (given: string): string =>
  given.trim().slice(0, maxFilterCharacters).replaceAll('\0', '');

/** The address of `/manage/events` with a filter; pages of it add where they go on. */
export function eventsAddress(filter: EventFilter): string {
  const given = Object.entries(filter).filter((pair): pair is [string, string] => !!pair[1]);
  return given.length === 0 ? '/manage/events' : `/manage/events?${new URLSearchParams(given)}`;
}
