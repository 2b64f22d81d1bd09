import type { AppSpec, Learned } from '../model/app-spec.ts';
import type { Cause, Command } from '../model/app-state.ts';
import type { AppCondition } from '../model/app-view.ts';
import type { JobNews } from '../model/job-state.ts';
import type { MemoryRing } from '../model/memory-ring.ts';
import type { EntityKind, EntityName } from '../model/names.ts';
import type { PresetName } from '../model/presets.ts';
import type { DeploymentStore, ForeignIdStore } from './deployment-ports.ts';
import type { JobStore, JobTypeStore } from './job-ports.ts';
import type { SharedJobStore } from './shared-job-ports.ts';
import type {
  AccessStore,
  AppLinkStore,
  DeviceLoginStore,
  PeopleStore,
  SessionStore,
  SpaceStore,
  TokenStore,
  Visibility,
} from './people-ports.ts';
import type { SecretStore } from './secret-ports.ts';
import type { SweepStore } from './sweep-ports.ts';
import type { UploadStore } from './upload-ports.ts';
import type { VolumeStore } from './volume-ports.ts';

/**
 * What rooms may ask of the database, in domain words. One adapter: `postgres/`. Permanent
 * failures are `LabError`; a database that does not answer throws any other error, and then nothing
 * was decided: "none found" and "could not read" are different answers.
 */
export interface Store {
  installation(): Promise<string>;
  ping(): Promise<void>;
  close(): Promise<void>;
  /** Connections of this process now; asks nobody. `waiting` are callers that none is free for. */
  pool(): { busy: number; idle: number; waiting: number };
  /** What operators watch, read anew at each call: for metrics. */
  figures(): Promise<StoreFigures>;
  apps: AppStore;
  deployments: DeploymentStore;
  foreignIds: ForeignIdStore;
  jobs: JobStore;
  jobTypes: JobTypeStore;
  /** Jobs of old families, and what they show of them. */
  sharedJobs: SharedJobStore;
  sweeps: SweepStore;
  /** Files for the inputs of jobs. */
  uploads: UploadStore;
  routes: RouteStore;
  use: UseStore;
  operations: OperationStore;
  outbox: Outbox;
  events: EventStore;
  hosts: HostStore;
  instances: InstanceStore;
  volumes: VolumeStore;
  history: HistoryStore;
  people: PeopleStore;
  spaces: SpaceStore;
  sessions: SessionStore;
  tokens: TokenStore;
  deviceLogins: DeviceLoginStore;
  access: AccessStore;
  links: AppLinkStore;
  secrets: SecretStore;
}

export interface StoreFigures {
  /** Registered apps, counted by what is wanted of them and what they do. */
  apps: AppTally[];
  /** Accepted commands that are not over, and the age of the oldest; 0 when there is none. */
  operations: { unfinished: number; oldestAgeMs: number };
  outbox: { entries: number; oldestAgeMs: number };
  /** Age of the oldest event that readers cannot see yet; 0 when they can see all. */
  eventsLagMs: number;
}

/** Orders writes of one entity: an older pair never replaces a newer one. */
export interface Mark {
  /** Counted by the database each time the entity's workflow starts anew. */
  life: number;
  /** Counted by the workflow; goes on through continue-as-new. */
  revision: number;
}

export interface App {
  name: string;
  space: string;
  owner: string;
  spec: AppSpec;
  /** Counts definitions from 1. */
  specRevision: number;
  /** What its last start found out; null before one, and after a definition that makes it void. */
  learned: Learned | null;
  condition: AppCondition;
  mark: Mark;
  createdAt: string;
  updatedAt: string;
}

/** How many apps are in one state. */
export interface AppTally {
  wanted: AppCondition['wanted'];
  phase: AppCondition['phase'];
  count: number;
}

/** An image, and the apps whose definitions name it. */
export interface ImageUse {
  image: string;
  apps: string[];
  /** How many apps, listed or not. */
  count: number;
}

/** Some of the registered apps; what is left out keeps all. */
export interface AppSelection {
  space?: string;
  owner?: string;
  preset?: PresetName;
  /** Keeps what somebody may know of. */
  visible?: Visibility;
  /** Keeps those whose name or title contains it, whatever the case. */
  search?: string;
}

/** A definition as it is written. */
export interface Registration {
  name: string;
  space: string;
  owner: string;
  spec: AppSpec;
  actor: string;
  /** As in `Cause`. */
  traceparent?: string | undefined;
  operationId: string;
  /** Called under the lock with the app that has the name; throws to refuse, and nothing is written. */
  check?: (existing: App | null) => void;
}

export interface Registered {
  outcome: 'created' | 'replaced' | 'unchanged';
  app: App;
  operation: Operation | null;
}

export interface AppStore {
  /**
   * One transaction: the app's row, its operation, outbox entry and event. The same definition
   * again changes nothing and answers `unchanged` (with no operation). Throws `quota_exceeded` when the space
   * has no place for one more app, or for one more that is awake.
   */
  register(input: Registration): Promise<Registered>;

  /** The same for many, all or none: what one of them is refused for, refuses all. */
  registerAll(inputs: readonly Registration[]): Promise<Registered[]>;

  /**
   * One transaction: operation, outbox entry, event. The same id again answers the first
   * operation when verb and app are the same, and throws `conflict` otherwise. A wake joins a wake that is not
   * finished yet. Throws `not_found`; for a wake or restart of what is not awake `quota_exceeded` when
   * its space has `maxAwakeApps` awake (`details.fullSpace`, a `FullSpace`).
   */
  command(input: {
    name: string;
    verb: Command;
    cause: Cause;
    operationId: string;
  }): Promise<Operation>;

  find(name: string): Promise<App | null>;
  /**
   * By name; `after` is the last name of the page before. `phases` keeps those in one of them.
   */
  list(
    page: AppSelection & {
      phases?: readonly AppCondition['phase'][];
      after?: string;
      limit: number;
    },
  ): Promise<App[]>;
  /** Images that definitions name, those of the most apps first; of each at most 5 apps by name. */
  images(limit: number): Promise<ImageUse[]>;
  /** How many of a selection there are, by what is wanted of them and what they do. */
  tally(selection: AppSelection): Promise<AppTally[]>;
  /** What apps can be told apart by, each by name and at most 100. */
  facets(visible: Visibility): Promise<{ spaces: string[]; owners: string[]; presets: string[] }>;
  /**
   * What does not mend itself: failed, restarting after a crash, starting for longer than its deadline and `lateMs`, asleep
   * although it is meant to be always on. The gravest first, then by name.
   */
  troubled(page: { visible: Visibility; lateMs: number; limit: number }): Promise<App[]>;

  /** First act of a workflow that starts anew: counts its life and tells what the row knows. */
  beginLife(name: string): Promise<App | null>;

  /**
   * One transaction with everything a step changes: condition, route, instance intents, event,
   * finished operations. Answers false and changes nothing when a newer mark stands; a repeat of
   * the same mark changes nothing and answers true.
   */
  advance(name: string, mark: Mark, change: AppChange): Promise<boolean>;

  /**
   * Last step of a removal: the row goes, its events stay, and what else was asked of it is over.
   * False, and nothing changes, when a newer mark stands or while a registration that was accepted
   * after the last removal is unfinished: its command brings the app back. A repeat answers true.
   */
  remove(name: string, mark: Mark, change: Pick<AppChange, 'event' | 'finish'>): Promise<boolean>;

  /** Finer word on what a start is doing. Not ordered, not an event: the last writer wins. */
  setDetail(name: string, generation: number, detail: string): Promise<void>;

  /** When the idle clocks end if nobody uses it from now on; null clears. The last writer wins. */
  setSleepsIn(name: string, generation: number, sleepsInMs: number | null): Promise<void>;

  /** Live rows (wanted awake or gone, or unfinished operations) by name, for the repair schedule. */
  listLive(page: { after?: string; limit: number }): Promise<App[]>;
}

export interface AppChange {
  condition?: Partial<Omit<AppCondition, 'since' | 'restartAt' | 'sleepsAt'>> & {
    /** Milliseconds from now by the database's clock; null clears. */
    restartInMs?: number | null;
    sleepsInMs?: number | null;
  };
  /** The phase begins now, also when it is the one that was: it failed once more. */
  beginsAnew?: boolean;
  /** What a start found out. */
  learned?: Learned;
  /** Publishes the route, or takes it away with null. */
  route?: { generation: number; host: string; address: string; port: number } | null;
  /**
   * What is wanted of an instance, written before the effect. `present` for one generation makes
   * every other instance of the app `absent`.
   */
  intent?: { instance: string; generation: number; host: string; wanted: 'present' | 'absent' };
  event?: NewEvent;
  /** Operations that are over with this change. Those that are over already stay as they are. */
  finish?: readonly { id: string; state: 'succeeded' | 'failed'; detail: string }[];
}

/** How an app is reached and what the gateway must know of it; one row an app. */
export interface AppRoute {
  app: string;
  title: string | null;
  spec: AppSpec;
  learned: Learned | null;
  condition: AppCondition;
  /** What families of old clients call it. */
  aliases: readonly { family: string; id: string }[];
  /** Null when there is nothing to forward to. */
  target: { generation: number; address: string; port: number; state: 'open' | 'closing' } | null;
  /** Set while `closing`: the id that gateways acknowledge. */
  closeId: string | null;
}

export interface Acknowledgement {
  gateway: string;
  inFlight: number;
  openSockets: number;
  /** Milliseconds since the gateway last saw use of the app; null when it never did. */
  lastUseAgoMs: number | null;
}

export interface RouteStore {
  /** Every registered app, for a gateway's first fill and its slow net. */
  all(): Promise<AppRoute[]>;
  find(app: string): Promise<AppRoute | null>;
  findAlias(family: string, externalId: string): Promise<AppRoute | null>;
  /**
   * Calls `onChange` with an app's name soon after its route or condition changed; `onChange(null)`
   * when notifications may have been missed and all must be read again, also right after it first
   * listens. A hint: at most once. Resolves when `signal` aborts, not before; never rejects.
   */
  listen(onChange: (app: string | null) => void, signal: AbortSignal): Promise<void>;

  /** Open → closing under a fresh id. Null when the route is not that generation or not there. */
  beginClosing(app: string, generation: number, closeId: string): Promise<boolean>;
  /** A gateway's word on a closing route. Repeating it replaces it. */
  acknowledge(app: string, closeId: string, word: Acknowledgement): Promise<void>;
  /** Closing → open, because of use. False when it was closed already: then there is no route. */
  reopen(app: string, closeId: string): Promise<boolean>;
  /** Live gateways and what each said; for the stop protocol. */
  closingProgress(
    app: string,
    closeId: string,
  ): Promise<{
    state: 'open' | 'closing' | 'gone';
    words: Acknowledgement[];
    /** Gateways that are registered and have not said a word. */
    silent: { gateway: string; seenAgoMs: number }[];
  }>;
  /** Takes the route away if it still is `closing` under this id; false when use reopened it. */
  finishClosing(app: string, closeId: string): Promise<boolean>;

  /** A gateway is alive; repeated every few seconds. */
  gatewaySeen(gateway: { id: string; listener: string; host: string }): Promise<void>;
  gatewayGone(id: string): Promise<void>;
  /** A new process took over a listener: what its dead predecessors left is dropped. */
  dropGateways(listener: string, exceptIds: readonly string[]): Promise<void>;
}

export interface UseReport {
  app: string;
  /** Milliseconds before now of the last use this gateway saw; null when only counts changed. */
  lastUseAgoMs: number | null;
  /** Why it counts, for people: `GET /report`, `WebSocket message`, `kept awake by …`. */
  reason: string | null;
  inFlight: number;
  openSockets: number;
}

export interface UseStore {
  /** One statement for a whole batch. The stored mark never goes backwards. */
  report(gateway: string, reports: readonly UseReport[]): Promise<void>;
  /** A person's word that the app is in use now. False when the app is unknown. */
  touch(app: string, reason: string): Promise<boolean>;
  /** By the database's clock, over live gateways. Null when the app is unknown. */
  read(app: string): Promise<{
    /** Since the last use or since it became ready, whichever is later. */
    idleMs: number;
    /** Since the last socket or stream ended; 0 while one is open, null when none was since it became ready. */
    disconnectedMs: number | null;
    /** Since it became ready. */
    awakeMs: number;
    inFlight: number;
    openSockets: number;
    reason: string | null;
  } | null>;
}

export interface Operation {
  id: string;
  entity: EntityName;
  verb: string;
  state: 'accepted' | 'succeeded' | 'failed';
  actor: string;
  why: string;
  /** What came of it, in one sentence; null while it goes on. */
  detail: string | null;
  createdAt: string;
  finishedAt: string | null;
}

export interface OperationStore {
  find(id: string): Promise<Operation | null>;
  /**
   * What was accepted and is not over, in the order it was accepted, at most 200: for a workflow
   * that starts anew, since an earlier life may have taken commands with it.
   */
  unfinished(entity: EntityName): Promise<CommandPayload[]>;
  /**
   * Drops operations that have been over for longer, the oldest first, at most `limit`. Answers how
   * many. Their ids can be used anew.
   */
  forget(olderThanMs: number, limit: number): Promise<number>;
}

/** The signal to an app: see workflows/messages.ts. */
export interface CommandPayload {
  operationId: string;
  command: Command;
  cause: Cause;
  needsNewInstance: boolean;
}

export interface OutboxEntry {
  id: string;
  entity: EntityName;
  /** What the entity's workflow is told; `deploy` only that there is news. Ids and words only. */
  payload:
    | (Omit<CommandPayload, 'command'> & { command: Command | 'deploy' })
    /** No operation speaks of it: the job's own row does. */
    | { command: 'job'; news: JobNews; cause: Cause; operationId?: undefined };
  attempts: number;
}

export interface Outbox {
  /**
   * One entry by its operation, if still undelivered; the API delivers it at once. Entries of one
   * entity are delivered in the order they were accepted: behind another one it waits up to a
   * second for that, then gives null and the sweeper delivers both.
   */
  claim(operationId: string): Promise<OutboxEntry | null>;
  /** The first undelivered entry of an entity, if its time has come. */
  claimNext(entity: EntityName): Promise<OutboxEntry | null>;
  /**
   * Entries whose time has come, oldest first and at most one an entity, each kept from others for
   * `holdMs`. Ask again at once while it gives some.
   */
  claimDue(limit: number, holdMs: number): Promise<OutboxEntry[]>;
  delivered(id: string): Promise<void>;
  /** Drops every entry of an entity, for its workflow that is about to read the row anew. */
  drop(entity: EntityName): Promise<void>;
  /** Tried in vain: due again after a doubling wait up to a minute. Never given up. */
  postponed(id: string, error: string): Promise<void>;
  /** Undelivered entries and the age of the oldest, for readiness. */
  backlog(): Promise<{ entries: number; oldestAgeMs: number }>;
}

export interface NewEvent {
  actor: string;
  what: string;
  why: string;
  data?: Record<string, unknown>;
}

/** One line of an entity's timeline. */
export interface TimelineEvent extends Required<NewEvent> {
  /**
   * `<transaction>-<number>`, opaque to readers; grows with commit visibility: a reader that saw an
   * id never misses a smaller one. `0` stands for the beginning.
   */
  id: string;
  entity: EntityName;
  at: string;
  /** Space it happened in; null for what belongs to the whole installation. */
  space: string | null;
}

export interface EventStore {
  append(entity: EntityName, event: NewEvent): Promise<void>;
  /**
   * Newest first; `before` is the id of the last one of the page before, `spaces` keeps what
   * happened in one of them, `kind` what happened to things of one kind, `actor` what somebody did whose name begins
   * with it, `sinceMs` what is no older by the database's clock.
   */
  list(page: {
    entity?: EntityName;
    kind?: EntityKind;
    what?: string;
    actor?: string;
    sinceMs?: number;
    spaces?: readonly string[] | null;
    before?: string;
    limit: number;
  }): Promise<TimelineEvent[]>;
  /** What the newest few thousand events are and who did them, each by name and at most 100: for a filter. */
  choices(spaces: readonly string[] | null): Promise<{ whats: string[]; actors: string[] }>;
  /**
   * Oldest first after `after`. Only events below the oldest open transaction, so that a resume
   * from the last id seen misses nothing that committed late.
   */
  since(page: {
    entity?: EntityName;
    spaces?: readonly string[] | null;
    after: string;
    limit: number;
  }): Promise<TimelineEvent[]>;
  /** The id to start a stream at, when the reader wants news only. */
  latestId(): Promise<string>;
  /**
   * A hint that there is something new, also after each time it may have missed some. What is new
   * may be held back by an older open transaction and come without a hint: look also from time to
   * time. Resolves when `signal` aborts, not before; never rejects.
   */
  listen(onEvent: () => void, signal: AbortSignal): Promise<void>;
  /** Drops events that are older, the oldest first; looks at most at `limit`. Answers how many went. */
  forget(olderThanMs: number, limit: number): Promise<number>;
}

export interface Host {
  name: string;
  /** Where its agent serves logs and usage. */
  agentUrl: string;
  runtimes: {
    kind: 'docker' | 'process';
    ready: boolean;
    reason: string | null;
    /** True when the host is not set up for it: waiting for it would be in vain. */
    missing?: boolean;
  }[];
  storage: { state: 'ok' | 'low' | 'full'; freeBytes: number; totalBytes: number };
  cpus: number;
  memoryBytes: number;
  /** What of it jobs may hold together; a host that says nothing takes none. */
  capacity: HostCapacity;
  seenAgoMs: number;
}

export interface HostCapacity {
  cpus: number;
  memoryBytes: number;
  /** Words that jobs may ask for. */
  labels: Readonly<Record<string, string>>;
  devices: readonly Device[];
}

/** What a host says of itself. */
export type HostReport = Omit<Host, 'seenAgoMs' | 'capacity'> & { capacity?: HostCapacity };

/** A GPU of a host. */
export interface Device {
  /** What runtimes call it; does not change with the order of slots. */
  id: string;
  name: string;
  memoryBytes: number;
}

export interface HostEpochs {
  epoch: number;
  settledEpoch: number;
}

export interface HostStore {
  /** Answers the epoch that the host is in, and the last one before which nothing is left on it. */
  heartbeat(host: HostReport): Promise<HostEpochs>;
  find(name: string): Promise<Host | null>;
  list(): Promise<Host[]>;
  /** Hosts that are not heard of, and when each last was: ISO 8601 by name. */
  silent(): Promise<ReadonlyMap<string, string>>;
  /**
   * An operator's word that nothing runs on a host any more: its attempts of jobs are given up, which their workflows
   * are told by the outbox, and a new epoch begins. Throws `not_found`, and `conflict` while it is heard of.
   */
  declareDead(name: string, cause: Cause): Promise<{ jobs: string[] }>;
  /**
   * Its agent has ended whatever the host had before `epoch`: it gets work again. False when a newer epoch
   * has begun.
   */
  settle(name: string, epoch: number): Promise<boolean>;
}

/** What is wanted on a host: the reconciler's side of the comparison. */
export interface InstanceIntent {
  instance: string;
  entity: EntityName;
  generation: number;
  host: string;
  wanted: 'present' | 'absent';
}

export interface InstanceStore {
  listByHost(host: string): Promise<InstanceIntent[]>;
  find(instance: string): Promise<InstanceIntent | null>;
  /** The effect is confirmed gone: the intent row goes too. */
  settle(instance: string): Promise<void>;
}

export interface MemorySample {
  app: string;
  memoryBytes: number;
}

/** What charts show of an app. Durations are milliseconds. */
export interface AppHistory {
  /** One entry a day in UTC, oldest first, today included so far. */
  days: { day: string; awakeMs: number; wakes: number }[];
  /** Oldest first; steps in which it did not run are missing. `at` is when the step began. */
  memory: { at: string; meanBytes: number; peakBytes: number }[];
  /** Wakes that came to their end, oldest first. */
  wakes: {
    generation: number;
    host: string;
    /** When the first command was accepted that wished it awake; for a crash, when it was placed. */
    askedAt: string;
    readyAt: string;
    totalMs: number;
    /** What no phase explains. */
    waitMs: number;
    placeMs: number;
    pullMs: number;
    startMs: number;
    probeMs: number;
    publishMs: number;
  }[];
}

/** Bounded by itself: each app has a fixed greatest number of rows. Awake time is counted by routes. */
export interface HistoryStore {
  /** A host is chosen for a start. The same start again changes nothing. */
  wakePlaced(wake: {
    app: string;
    generation: number;
    host: string;
    placeMs: number;
  }): Promise<void>;
  /** The start that was placed is ready now. Changes nothing when none is under way. */
  wakeReady(wake: {
    app: string;
    generation: number;
    pullMs: number;
    startMs: number;
    probeMs: number;
    publishMs: number;
  }): Promise<void>;
  /** One statement for a whole batch. Apps that are gone are passed over. */
  reportMemory(samples: readonly MemorySample[], ring: MemoryRing): Promise<void>;
  read(
    app: string,
    wanted: { days: number; wakes: number; step: 'fine' | 'coarse'; ring: MemoryRing },
  ): Promise<AppHistory>;
}
