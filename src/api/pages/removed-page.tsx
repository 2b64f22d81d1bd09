import type { Identity } from '../auth/identify.ts';
import type { Section } from './places.ts';
import { shell } from './shell.tsx';
import { Timeline, type TimelinePage } from './timeline.tsx';

/** What stays of something that was removed: its timeline. `path` is its page, `sentence` what went with it. */
export function removedPage(options: {
  identity: Identity;
  section: Section;
  name: string;
  path: string;
  sentence: string;
  timeline: TimelinePage;
}) {
  const { identity, section, name, path, sentence, timeline } = options;
  return shell({
    title: `${name} is gone`,
    section,
    identity,
    children: (
      <>
        <h1>{name} is gone</h1>
        <p>{sentence} Its timeline stays.</p>
        <section class="panel" aria-labelledby="timeline-heading">
          <h2 id="timeline-heading">Timeline</h2>
          <Timeline page={timeline} path={path} showsEntity={false} />
        </section>
      </>
    ),
  });
}
