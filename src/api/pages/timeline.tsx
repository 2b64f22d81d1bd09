import type { EntityName } from '../../model/names.ts';
import type { EventStore, TimelineEvent } from '../../store/ports.ts';
import { Time } from './time.tsx';

export interface TimelinePage {
  events: TimelineEvent[];
  /** Id to read on before; null at the end. */
  older: string | null;
  /** True on pages behind the first. */
  isOlder: boolean;
}

const pageSize = 25;

/** A page of a timeline, newest first. An id that is none reads as the first page. */
export async function readTimeline(
  store: EventStore,
  options: Omit<Parameters<EventStore['list']>[0], 'before' | 'limit'> & {
    before: string | undefined;
    limit?: number;
  },
): Promise<TimelinePage> {
  const { before: asked, limit = pageSize, ...selection } = options;
  const before = /^\d{1,19}(?:-\d{1,18})?$/.test(asked ?? '') ? asked : undefined;
  const rows = await store.list({
    ...selection,
    ...(before === undefined ? {} : { before }),
    limit: limit + 1,
  });
  const events = rows.slice(0, limit);
  return {
    events,
    older: rows.length > limit ? (events.at(-1)?.id ?? null) : null,
    isOlder: before !== undefined,
  };
}

/** The lines of a timeline and the way to the older ones. `path` is the page it stands on, query and all. */
export function Timeline(props: { page: TimelinePage; path: string; showsEntity: boolean }) {
  const { page, path, showsEntity } = props;
  if (page.events.length === 0) return <p class="soft">Nothing has happened yet.</p>;
  return (
    <>
      <ol class="list">
        {page.events.map((event) => (
          <li class="event">
            <Time at={event.at} />
            <div>
              {showsEntity && (
                <>
                  <Entity name={event.entity} />{' '}
                </>
              )}
              <strong>{event.what}</strong>{' '}
              <span class="soft">
                {event.actor}
                {event.why !== '' && `: ${event.why}`}
              </span>
            </div>
          </li>
        ))}
      </ol>
      {(page.older !== null || page.isOlder) && (
        <nav class="actions pages" aria-label="Pages of the timeline">
          {page.isOlder && (
            <a class="button" href={path}>
              Newest
            </a>
          )}
          {page.older !== null && (
            <a
              class="button"
              href={`${path}${path.includes('?') ? '&' : '?'}before=${page.older}`}
              rel="next"
            >
              Older
            </a>
          )}
        </nav>
      )}
    </>
  );
}

function Entity({ name }: { name: EntityName }) {
  const isHost = name.startsWith('host/');
  return (
    <a class="mono" href={isHost ? `/manage/hosts#${name.replace('/', '-')}` : `/manage/${name}`}>
      {name}
    </a>
  );
}
