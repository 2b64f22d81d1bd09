import { inWords } from '../../model/idle-clocks.ts';
import { bytesInWords } from '../../model/in-words.ts';
import { explainApp } from '../../model/app-view.ts';
import type { Host, Store } from '../../store/ports.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { hostJson } from '../present.ts';
import { within } from '../within.ts';

/** Something that a person should look at, with what to do about it. */
export interface Concern {
  /** What it is about; linked when there is a page for it. */
  subject: string;
  href: string | null;
  sentence: string;
  remedy: string;
}

const listedApps = 20;
const outboxLateMs = 30_000;
const temporalWithinMs = 1_000;

/** Everything that needs attention, the gravest first. */
export async function concerns(
  deps: Pick<ApiDependencies, 'store' | 'pingTemporal'>,
  hosts: readonly Host[],
): Promise<Concern[]> {
  const [broken, { entries, oldestAgeMs }, temporal] = await Promise.all([
    brokenApps(deps.store),
    deps.store.outbox.backlog(),
    within(temporalWithinMs, deps.pingTemporal()).then(
      () => null,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    ),
  ]);
  const engine: Concern[] = [];
  if (temporal !== null) {
    engine.push({
      subject: 'Temporal',
      href: null,
      sentence: `The Temporal Service does not answer: ${temporal}.`,
      remedy: 'Apps that run go on; commands are accepted and carried out when it is back.',
    });
  }
  if (entries > 0 && oldestAgeMs > outboxLateMs) {
    engine.push({
      subject: 'Outbox',
      href: null,
      sentence: `${entries} accepted commands wait for their workflow, the oldest for ${inWords(oldestAgeMs)}.`,
      remedy:
        'They are delivered as soon as Temporal takes them. If it answers, look at the log of the API.',
    });
  }
  return [...engine, ...hostConcerns(hosts), ...broken];
}

function hostConcerns(hosts: readonly Host[]): Concern[] {
  if (hosts.length === 0) {
    return [
      {
        subject: 'Hosts',
        href: '/manage/hosts',
        sentence: 'No host has reported yet, so nothing can be started.',
        remedy: 'Start a worker with --host, or npm start.',
      },
    ];
  }
  return hosts.flatMap((host) => {
    const found: Concern[] = [];
    const about = { subject: `host/${host.name}`, href: '/manage/hosts' };
    if (!hostJson(host).online) {
      found.push({
        ...about,
        sentence: `${host.name} was last heard of ${inWords(host.seenAgoMs)} ago.`,
        remedy: 'What runs there goes on; to start or stop apps there, start its worker again.',
      });
    }
    if (host.storage.state !== 'ok') {
      const free = `${bytesInWords(host.storage.freeBytes)} of ${bytesInWords(host.storage.totalBytes)} free`;
      const effect = host.storage.state === 'full' ? ', so it takes no new work' : '';
      found.push({
        ...about,
        sentence: `The disk of ${host.name} is ${host.storage.state} (${free})${effect}.`,
        remedy: 'Free space in its data folder.',
      });
    }
    return found;
  });
}

async function brokenApps(store: Pick<Store, 'apps'>): Promise<Concern[]> {
  const phases = ['failed', 'restarting'] as const;
  const rows = await store.apps.list({ phases, limit: listedApps + 1 });
  const found = rows.slice(0, listedApps).map(({ name, condition }) => ({
    subject: `app/${name}`,
    href: `/manage/app/${name}`,
    sentence: explainApp(name, condition),
    remedy: condition.lastLogLines.at(-1) ?? '',
  }));
  if (rows.length <= listedApps) return found;
  return [
    ...found,
    {
      subject: 'More apps',
      href: '/manage?state=failed',
      sentence: `More than ${listedApps} apps have failed or are restarting.`,
      remedy: '',
    },
  ];
}
