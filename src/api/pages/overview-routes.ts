import { Hono } from 'hono';
import { spacesOf } from '../../model/roles.ts';
import type { ApiDependencies, ApiEnv } from '../dependencies.ts';
import { eventSelection } from '../event-filter.ts';
import { hostJson, volumeJson } from '../present.ts';
import { readEventFilter } from './event-address.ts';
import { eventsPage } from './events-page.tsx';
import { hostsPage } from './hosts-page.tsx';
import { readTimeline } from './timeline.tsx';

const eventsOfPage = 60;
const listedVolumes = 50;
const listedImages = 50;

/** `/manage/hosts` and `/manage/events`: what the whole installation has and did. */
export function overviewRoutes({
  store,
  settings,
}: Pick<ApiDependencies, 'store' | 'settings'>): Hono<ApiEnv> {
  return new Hono<ApiEnv>()
    .get('/manage/hosts', async (context) => {
      const [hosts, volumes, totals, images] = await Promise.all([
        store.hosts.list(),
        store.volumes.fullest({ limit: listedVolumes }),
        store.volumes.totals(),
        store.apps.images(listedImages),
      ]);
      const storage = {
        watermarks: settings.storageWatermarks,
        volumes: volumes.map(volumeJson),
        totals,
        images,
      };
      return context.html(
        hostsPage({ identity: context.get('identity'), hosts: hosts.map(hostJson), storage }),
      );
    })
    .get('/manage/events', async (context) => {
      const identity = context.get('identity');
      const filter = readEventFilter(context);
      const spaces = spacesOf(identity.caller, 'app.see');
      const [timeline, choices] = await Promise.all([
        readTimeline(store.events, {
          ...eventSelection(filter),
          spaces,
          before: context.req.query('before'),
          limit: eventsOfPage,
        }),
        store.events.choices(spaces),
      ]);
      return context.html(eventsPage({ identity, filter, choices, timeline }));
    });
}
