import { entityKinds, type EntityKind } from '../../model/names.ts';
import type { EventStore } from '../../store/ports.ts';
import type { Identity } from '../auth/identify.ts';
import { sinces, type EventFilter } from '../event-filter.ts';
import { eventsAddress } from './event-address.ts';
import { FilterChoice } from './filter-choice.tsx';
import { shell } from './shell.tsx';
import { Timeline, type TimelinePage } from './timeline.tsx';

interface EventsFacts {
  identity: Identity;
  filter: EventFilter;
  /** What has happened and who did something of late, to choose from. */
  choices: Awaited<ReturnType<EventStore['choices']>>;
  timeline: TimelinePage;
}

/** `/manage/events`: what happened, everywhere, or of it what somebody asked for. */
export function eventsPage(facts: EventsFacts) {
  const { identity, filter, timeline } = facts;
  const address = eventsAddress(filter);
  const isFiltered = address !== '/manage/events';
  return shell({
    title: 'Events',
    section: 'events',
    identity,
    stream: '/api/v1/events/stream',
    children: (
      <>
        <h1>Events</h1>
        <p class="soft">What happened to apps and all the rest, newest first.</p>
        <div class="panel">
          <Filter {...facts} isFiltered={isFiltered} />
          {timeline.events.length === 0 && isFiltered ? (
            <p class="soft">No event fits the filter.</p>
          ) : (
            <Timeline page={timeline} path={address} showsEntity />
          )}
        </div>
      </>
    ),
  });
}

const kindWords: Readonly<Record<EntityKind, string>> = {
  app: 'Apps',
  job: 'Jobs',
  'job-type': 'Job types',
  sweep: 'Sweeps',
  volume: 'Volumes',
  space: 'Spaces',
  person: 'People',
  host: 'Hosts',
};

function Filter({ filter, choices, isFiltered }: EventsFacts & { isFiltered: boolean }) {
  const whats = choices.whats.map((what) => ({ value: what, label: what }));
  return (
    <form class="filter" method="get" action="/manage/events" role="search" data-filter>
      <FilterChoice
        name="kind"
        label="Of"
        chosen={filter.kind}
        options={entityKinds.map((kind) => ({ value: kind, label: kindWords[kind] }))}
      />
      <label>
        Name
        <input type="search" name="name" value={filter.name} maxlength={128} autocomplete="off" />
      </label>
      <FilterChoice name="what" label="What" chosen={filter.what || null} options={whats} />
      <label>
        Who
        <input
          type="search"
          name="actor"
          value={filter.actor}
          maxlength={128}
          list="actors"
          autocomplete="off"
        />
      </label>
      <datalist id="actors">
        {choices.actors.map((actor) => (
          <option value={actor} />
        ))}
      </datalist>
      <FilterChoice name="since" label="Since" chosen={filter.since} options={sinces} />
      <button>Filter</button>
      {isFiltered && (
        <a class="button" href="/manage/events">
          Show all
        </a>
      )}
    </form>
  );
}
