/**
 * Who goes next, and where: the whole policy of the queue as one pure function of rows. The database
 * keeps what it grants (one transaction at a time), pages and API show what it says.
 */
export interface QueueHost {
  name: string;
  cpus: number;
  memoryBytes: number;
  /** Ids of its devices. */
  devices: readonly string[];
  runtimes: readonly ('docker' | 'process')[];
  /** Heard of lately, and with room on its disk. */
  takesWork: boolean;
}

export interface QueueLease {
  job: string;
  owner: string;
  space: string;
  type: string | null;
  /** The sweep it belongs to. */
  sweep?: string | null;
  host: string;
  cpus: number;
  memoryBytes: number;
  devices: readonly string[];
}

export interface QueueJob {
  id: string;
  /** The sweep it belongs to, and how many of that run at once. */
  sweep?: { id: string; maxParallel: number | null } | null;
  /** Order of submission. */
  number: number;
  owner: string;
  space: string;
  type: string | null;
  priority: number;
  /** How long it has waited, by the database's clock. */
  waitedMs: number;
  cpus: number;
  memoryBytes: number;
  devices: number;
  runtime: 'docker' | 'process';
  /** The one host that may run it. */
  host: string | null;
  /** Hosts on which its volumes live: it starts only there. */
  volumesOn: readonly string[];
  /** Somebody keeps it, its space or the whole queue from starting. */
  hold: Hold | null;
}

/** Who holds work back, and why. */
export interface Hold {
  /** What is held: `job`, `space` or `queue`. */
  of: 'job' | 'space' | 'queue';
  actor: string;
  why: string;
}

export interface QueueRules {
  /** Jobs of one person that run at once; null for any number. */
  maxRunningPerPerson: number | null;
  /** By space; those not named have no limit. */
  maxRunningOfSpace: Readonly<Record<string, number>>;
  maxRunningOfType: Readonly<Record<string, number>>;
  /**
   * Every so long a job that waits rises by one priority; one that waited this long keeps a host free
   * for itself. So nobody waits for ever.
   */
  ageMs: number;
}

export type Wait =
  | { reason: 'held'; hold: Hold }
  /** No host that could ever run it. */
  | { reason: 'no_host'; lacks: string }
  | { reason: 'host_silent'; host: string }
  | { reason: 'person_cap' | 'space_cap' | 'type_cap' | 'sweep_cap'; limit: number }
  /** What it needs is taken; `lacks` says what. */
  | { reason: 'capacity'; lacks: string }
  /** It would fit, and the room is kept for one that waits for longer. */
  | { reason: 'kept_for'; job: string };

export interface QueuePlan {
  grants: { job: string; host: string; devices: string[] }[];
  /** Those that go on waiting, in the order in which they would go. */
  waiting: { job: string; wait: Wait }[];
}

export function planQueue(
  hosts: readonly QueueHost[],
  leases: readonly QueueLease[],
  jobs: readonly QueueJob[],
  rules: QueueRules,
): QueuePlan {
  const byName = hosts.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  const rooms = new Map(byName.map((host) => [host.name, roomOf(host, leases)]));
  const running = countRunning(leases);
  const plan: QueuePlan = { grants: [], waiting: [] };
  /** Hosts that are kept free, and for whom. */
  const kept = new Map<string, string>();
  for (const job of inTurn(hosts, jobs, leases, rules)) {
    const found = lookForRoom(job, [...rooms.values()], { rules, running, kept });
    if (!('room' in found)) {
      plan.waiting.push({ job: job.id, wait: found });
      if (found.reason === 'capacity' && job.waitedMs >= rules.ageMs) keepRoom(job, rooms, kept);
      continue;
    }
    const { room } = found;
    const devices = room.freeDevices.splice(0, job.devices);
    room.freeCpus -= job.cpus;
    room.freeMemoryBytes -= job.memoryBytes;
    running.add({ ...job, sweep: job.sweep?.id ?? null });
    plan.grants.push({ job: job.id, host: room.host.name, devices });
  }
  return plan;
}

interface Room {
  host: QueueHost;
  freeCpus: number;
  freeMemoryBytes: number;
  freeDevices: string[];
}

function roomOf(host: QueueHost, leases: readonly QueueLease[]): Room {
  const here = leases.filter((lease) => lease.host === host.name);
  const taken = new Set(here.flatMap(({ devices }) => devices));
  return {
    host,
    freeCpus: host.cpus - here.reduce((sum, { cpus }) => sum + cpus, 0),
    freeMemoryBytes: host.memoryBytes - here.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
    freeDevices: host.devices.filter((device) => !taken.has(device)),
  };
}

/**
 * The order in which jobs are looked at: by priority, which rises with the time waited; within one
 * priority the submitter who holds least goes first, and each job that is passed counts as held. What
 * could not start now even on empty hosts takes no turn, and comes last.
 */
function inTurn(
  hosts: readonly QueueHost[],
  jobs: readonly QueueJob[],
  leases: readonly QueueLease[],
  rules: QueueRules,
): QueueJob[] {
  const held = new Map<string, number>();
  const add = (owner: string, cpus: number) => held.set(owner, (held.get(owner) ?? 0) + cpus);
  for (const { owner, cpus } of leases) add(owner, cpus);
  const isAble = (job: QueueJob) =>
    job.hold === null && hosts.some((host) => host.takesWork && couldEver(job, host));
  const [able, unable] = split(jobs, isAble);
  const byPriority = groups(able, (job) => job.priority + Math.floor(job.waitedMs / rules.ageMs));
  const order: QueueJob[] = [];
  for (const priority of [...byPriority.keys()].sort((left, right) => right - left)) {
    const turns: { job: QueueJob; heldBefore: number }[] = [];
    for (const [owner, line] of groups(byPriority.get(priority) ?? [], (job) => job.owner)) {
      for (const job of line.sort(byNumber)) {
        turns.push({ job, heldBefore: held.get(owner) ?? 0 });
        add(owner, job.cpus);
      }
    }
    // What its owner held when it came up grows along each line, so this is taking turns.
    turns.sort((one, other) => one.heldBefore - other.heldBefore || byNumber(one.job, other.job));
    order.push(...turns.map(({ job }) => job));
  }
  return [...order, ...unable.sort(byNumber)];
}

const byNumber = (one: QueueJob, other: QueueJob): number => one.number - other.number;

function split<Item>(items: readonly Item[], test: (item: Item) => boolean): [Item[], Item[]] {
  return [items.filter(test), items.filter((item) => !test(item))];
}

function groups<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const found = new Map<Key, Item[]>();
  for (const item of items) {
    const group = found.get(keyOf(item));
    if (group === undefined) found.set(keyOf(item), [item]);
    else group.push(item);
  }
  return found;
}

interface Running {
  add(job: Pick<QueueLease, 'owner' | 'space' | 'type' | 'sweep'>): void;
  of(kind: 'person' | 'space' | 'type' | 'sweep', name: string): number;
}

function countRunning(leases: readonly QueueLease[]): Running {
  const counts = new Map<string, number>();
  const raise = (key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);
  const running: Running = {
    add({ owner, space, type, sweep }) {
      raise(`person ${owner}`);
      raise(`space ${space}`);
      if (type !== null) raise(`type ${type}`);
      if (sweep) raise(`sweep ${sweep}`);
    },
    of: (kind, name) => counts.get(`${kind} ${name}`) ?? 0,
  };
  for (const lease of leases) running.add(lease);
  return running;
}

function lookForRoom(
  job: QueueJob,
  rooms: readonly Room[],
  state: { rules: QueueRules; running: Running; kept: ReadonlyMap<string, string> },
): { room: Room } | Wait {
  const { rules, running, kept } = state;
  if (job.hold !== null) return { reason: 'held', hold: job.hold };
  const cap = capOf(job, rules, running);
  if (cap !== null) return cap;
  const fitting = rooms.filter(({ host }) => couldEver(job, host));
  if (fitting.length === 0) return { reason: 'no_host', lacks: needOf(job) };
  const heard = fitting.filter(({ host }) => host.takesWork);
  const [silent] = fitting;
  if (heard.length === 0 && silent) return { reason: 'host_silent', host: silent.host.name };
  const free = heard.filter((room) => fitsNow(job, room));
  if (free.length === 0) return { reason: 'capacity', lacks: lackOf(job, heard) };
  const open = free.filter(({ host }) => !kept.has(host.name));
  const [best] = open.sort((left, right) => tightness(job, left) - tightness(job, right));
  if (best === undefined) {
    return { reason: 'kept_for', job: kept.get(free[0]?.host.name ?? '') ?? '' };
  }
  return { room: best };
}

function capOf(job: QueueJob, rules: QueueRules, running: Running): Wait | null {
  const reached = (limit: number | null | undefined, count: number): limit is number =>
    limit !== null && limit !== undefined && count >= limit;
  const { maxRunningPerPerson, maxRunningOfSpace, maxRunningOfType } = rules;
  if (reached(maxRunningPerPerson, running.of('person', job.owner))) {
    return { reason: 'person_cap', limit: maxRunningPerPerson };
  }
  const ofSpace = maxRunningOfSpace[job.space];
  if (reached(ofSpace, running.of('space', job.space))) {
    return { reason: 'space_cap', limit: ofSpace };
  }
  const ofType = job.type === null ? undefined : maxRunningOfType[job.type];
  if (job.type !== null && reached(ofType, running.of('type', job.type))) {
    return { reason: 'type_cap', limit: ofType };
  }
  const ofSweep = job.sweep?.maxParallel;
  if (job.sweep && reached(ofSweep, running.of('sweep', job.sweep.id))) {
    return { reason: 'sweep_cap', limit: ofSweep };
  }
  return null;
}

/** Whether an empty host could run it. */
const couldEver = (job: QueueJob, host: QueueHost): boolean =>
  (job.host === null || job.host === host.name) &&
  job.volumesOn.every((home) => home === host.name) &&
  host.runtimes.includes(job.runtime) &&
  host.cpus >= job.cpus &&
  host.memoryBytes >= job.memoryBytes &&
  host.devices.length >= job.devices;

/** Sums of fractions leave dust behind. */
const dust = 1e-6;

const fitsNow = (job: QueueJob, room: Room): boolean =>
  room.freeCpus + dust >= job.cpus &&
  room.freeMemoryBytes >= job.memoryBytes &&
  room.freeDevices.length >= job.devices;

/** Devices first, since they are the scarcest; else where least is left over. */
const tightness = (job: QueueJob, room: Room): number =>
  (room.freeDevices.length - job.devices) * 1e6 + (room.freeCpus - job.cpus);

/** The least loaded host that could run it takes nothing more until it fits. */
function keepRoom(
  job: QueueJob,
  rooms: ReadonlyMap<string, Room>,
  kept: Map<string, string>,
): void {
  const able = [...rooms.values()].filter(
    ({ host }) => host.takesWork && couldEver(job, host) && !kept.has(host.name),
  );
  const [best] = able.sort((left, right) => right.freeCpus - left.freeCpus);
  if (best) kept.set(best.host.name, job.id);
}

function needOf(job: QueueJob): string {
  const parts = [inCores(job.cpus), inGibibytes(job.memoryBytes)];
  if (job.devices > 0) parts.unshift(inDevices(job.devices));
  const place = job.host === null ? '' : ` on ${job.host}`;
  const homes =
    job.volumesOn.length === 0 ? '' : ` on ${job.volumesOn.join(' and ')}, where its volumes live`;
  return `${parts.join(', ')} for a ${job.runtime === 'docker' ? 'container' : 'command'}${place}${homes}`;
}

/** What no host has free, the scarcest first. */
function lackOf(job: QueueJob, rooms: readonly Room[]): string {
  if (!rooms.some((room) => room.freeDevices.length >= job.devices)) return inDevices(job.devices);
  const lacks = [];
  if (!rooms.some((room) => room.freeCpus + dust >= job.cpus)) lacks.push(inCores(job.cpus));
  if (!rooms.some((room) => room.freeMemoryBytes >= job.memoryBytes)) {
    lacks.push(inGibibytes(job.memoryBytes));
  }
  return lacks.length > 0 ? lacks.join(' and ') : `${needOf(job)} at once`;
}

const inDevices = (count: number): string => `${count} ${count === 1 ? 'GPU' : 'GPUs'}`;
const inCores = (cpus: number): string => `${cpus} ${cpus === 1 ? 'core' : 'cores'}`;
const inGibibytes = (bytes: number): string =>
  `${Math.round((bytes / 1024 ** 3) * 10) / 10} GiB of memory`;
