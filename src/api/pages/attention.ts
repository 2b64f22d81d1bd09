import { bytesInWords, durationInWords } from '../../model/in-words.ts';
import { may, spacesOf, type Caller } from '../../model/roles.ts';
import { explainVolume } from '../../model/volume.ts';
import type { Host } from '../../store/ports.ts';
import type { Volume } from '../../store/volume-ports.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { hostJson } from '../present.ts';
import { within } from '../within.ts';
import { appConcerns } from './app-concerns.ts';

/** Something that a person should look at, with what to do about it. */
export interface Concern {
  /** What it is about; linked when there is a page for it. */
  subject: string;
  href: string | null;
  /** What is wrong and why. */
  sentence: string;
  /** What mends it, in words. */
  remedy: string;
  /** What mends it, as buttons that this person may press. */
  mends: readonly Mend[];
}

/** `post` changes something, `get` leads to where it can be changed. */
export interface Mend {
  method: 'post' | 'get';
  action: string;
  label: string;
}

const listedVolumes = 20;
const outboxLateMs = 30_000;
const temporalWithinMs = 1_000;
/** Share of its limit from which a volume is named; that of its status `nearly full`. */
const fullShare = 0.9;

/** Everything that somebody should look at, the gravest first. */
export async function concerns(
  deps: Pick<ApiDependencies, 'store' | 'pingTemporal'>,
  caller: Caller,
): Promise<Concern[]> {
  const found = await Promise.all([
    may(caller, 'host.see', null) ? installationConcerns(deps) : [],
    appConcerns(deps.store, caller),
    volumeConcerns(deps.store, caller),
  ]);
  return found.flat();
}

async function installationConcerns(
  deps: Pick<ApiDependencies, 'store' | 'pingTemporal'>,
): Promise<Concern[]> {
  const [hosts, { entries, oldestAgeMs }, temporal] = await Promise.all([
    deps.store.hosts.list(),
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
      mends: [],
    });
  }
  if (entries > 0 && oldestAgeMs > outboxLateMs) {
    engine.push({
      subject: 'Outbox',
      href: null,
      sentence: `${entries} accepted commands wait for their workflow, the oldest for ${durationInWords(oldestAgeMs)}.`,
      remedy:
        'They are delivered as soon as Temporal takes them. If it answers, look at the log of the API.',
      mends: [],
    });
  }
  return [...engine, ...hostConcerns(hosts)];
}

function hostConcerns(hosts: readonly Host[]): Concern[] {
  if (hosts.length === 0) {
    return [
      {
        subject: 'Hosts',
        href: '/manage/hosts',
        sentence: 'No host has reported yet, so nothing can be started.',
        remedy: 'Start a worker with --host, or npm start.',
        mends: [],
      },
    ];
  }
  return hosts.flatMap((host) => {
    const about = { subject: `host/${host.name}`, href: '/manage/hosts' };
    if (!hostJson(host).online) {
      return [
        {
          ...about,
          sentence: `${host.name} was last heard of ${durationInWords(host.seenAgoMs)} ago.`,
          remedy: 'What runs there goes on; to start or stop apps there, start its worker again.',
          mends: [],
        },
      ];
    }
    return [...diskConcerns(host, about), ...runtimeConcerns(host, about)];
  });
}

type About = Pick<Concern, 'subject' | 'href'>;

function diskConcerns({ name, storage }: Host, about: About): Concern[] {
  if (storage.state === 'ok') return [];
  const free = `${bytesInWords(storage.freeBytes)} of ${bytesInWords(storage.totalBytes)} free`;
  const effect = storage.state === 'full' ? ', so it takes no new work' : '';
  return [
    {
      ...about,
      sentence: `The disk of ${name} is ${storage.state} (${free})${effect}.`,
      remedy: 'Make room in its data folder: remove volumes that nobody needs, or old images.',
      mends: [
        { method: 'get', action: '/manage/hosts#storage-heading', label: 'See what fills it' },
      ],
    },
  ];
}

/** What a host is set up for and cannot do now; one that was never set up for it is as it should be. */
function runtimeConcerns({ name, runtimes }: Host, about: About): Concern[] {
  return runtimes
    .filter(({ ready, missing }) => !ready && missing !== true)
    .map(({ kind, reason }) => ({
      ...about,
      sentence: `${name} cannot start ${kind === 'docker' ? 'containers' : 'processes'} now: ${reason ?? 'it gives no reason'}.`,
      remedy:
        kind === 'docker'
          ? 'Start the Docker Engine there, or let the worker reach its socket; apps that wait go on by themselves.'
          : 'Look at the log of its worker.',
      mends: [],
    }));
}

async function volumeConcerns(
  { volumes }: Pick<ApiDependencies['store'], 'volumes'>,
  caller: Caller,
): Promise<Concern[]> {
  const spaces = spacesOf(caller, 'volume.see');
  const rows = await volumes.fullest({
    ...(spaces === null ? {} : { spaces }),
    share: fullShare,
    limit: listedVolumes,
  });
  return rows
    .filter(({ deletedAt, hindrance }) => deletedAt === null || hindrance !== null)
    .map((volume) => volumeConcern(volume, may(caller, 'volume.change', volume)));
}

function volumeConcern(volume: Volume, mayChange: boolean): Concern {
  const { name, apps } = volume;
  const page = `/manage/volume/${name}`;
  return {
    subject: `volume/${name}`,
    href: page,
    sentence: explainVolume(name, volume),
    remedy: apps.length === 0 ? 'No app uses it.' : `Used by ${apps.slice(0, 5).join(', ')}.`,
    mends: mayChange
      ? [{ method: 'get', action: page, label: 'Raise its limit or remove it' }]
      : [],
  };
}
