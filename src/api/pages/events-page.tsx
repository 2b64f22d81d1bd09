import type { Identity } from '../auth/identify.ts';
import { shell } from './shell.tsx';
import { Timeline, type TimelinePage } from './timeline.tsx';

/** `/manage/events`: what happened, everywhere. */
export function eventsPage({ identity, timeline }: { identity: Identity; timeline: TimelinePage }) {
  return shell({
    title: 'Events',
    section: 'events',
    identity,
    stream: '/api/v1/events/stream',
    children: (
      <>
        <h1>Events</h1>
        <p class="soft">What happened to all apps and hosts, newest first.</p>
        <div class="panel">
          <Timeline page={timeline} path="/manage/events" showsEntity />
        </div>
      </>
    ),
  });
}
