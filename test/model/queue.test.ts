import { describe, expect, it } from 'vitest';
import {
  planQueue,
  type QueueHost,
  type QueueJob,
  type QueueLease,
  type QueuePlan,
  type QueueRules,
} from '../../src/model/queue.ts';
import { chances } from '../beds/chances.ts';

const GiB = 1024 ** 3;
const rules: QueueRules = {
  maxRunningPerPerson: null,
  maxRunningOfSpace: {},
  maxRunningOfType: {},
  ageMs: 600_000,
};
const host = (name: string, more: Partial<QueueHost> = {}): QueueHost => ({
  ...{ name, cpus: 4, memoryBytes: 16 * GiB, devices: [], runtimes: ['process'], takesWork: true },
  ...more,
});
let numbers = 0;
const job = (id: string, more: Partial<QueueJob> = {}): QueueJob => ({
  ...{ id, number: (numbers += 1), owner: 'ada', space: 'default', type: null, priority: 0 },
  ...{ waitedMs: 0, cpus: 1, memoryBytes: GiB, devices: 0, runtime: 'process', host: null },
  ...{ volumesOn: [], hold: null },
  ...more,
});
const lease = (of: QueueJob, on: string, devices: string[] = []): QueueLease => ({
  ...{ job: of.id, owner: of.owner, space: of.space, type: of.type, host: on },
  ...{ cpus: of.cpus, memoryBytes: of.memoryBytes, devices },
});
const granted = (plan: QueuePlan) => plan.grants.map((grant) => grant.job);
const waits = (plan: QueuePlan) =>
  Object.fromEntries(plan.waiting.map(({ job: id, wait }) => [id, wait]));

describe('the queue', () => {
  it('grants what fits, in the order of submission, and says what the rest lacks', () => {
    const plan = planQueue(
      [host('a')],
      [],
      [job('one', { cpus: 3 }), job('two', { cpus: 2 }), job('three')],
      rules,
    );
    expect(granted(plan)).toEqual(['one', 'three']);
    expect(waits(plan)).toEqual({ two: { reason: 'capacity', lacks: '2 cores' } });
  });

  it('takes turns between submitters, who holds least first, whatever each has waiting', () => {
    const many = Array.from({ length: 10 }, (_, at) => job(`ada-${at}`));
    const few = [job('bob-0', { owner: 'bob' }), job('bob-1', { owner: 'bob' })];
    const first = planQueue([host('a')], [], [...many, ...few], rules);
    expect(granted(first)).toEqual(['ada-0', 'bob-0', 'ada-1', 'bob-1']);
    const holding = job('held', { cpus: 2 });
    const then = planQueue([host('a')], [lease(holding, 'a')], [...many, ...few], rules);
    expect(granted(then)).toEqual(['bob-0', 'bob-1']);
  });

  it('lets a higher priority go first, and the time waited make up for it', () => {
    const urgent = job('urgent', { priority: 2 });
    const patient = job('patient', { waitedMs: 3 * rules.ageMs });
    const plan = planQueue([host('a', { cpus: 1 })], [], [urgent, patient], rules);
    expect(granted(plan)).toEqual(['patient']);
    const fresh = planQueue([host('a', { cpus: 1 })], [], [urgent, job('fresh')], rules);
    expect(granted(fresh)).toEqual(['urgent']);
  });

  it('gives what does not fit now the room of smaller ones once it has waited long enough', () => {
    const running = job('running', { cpus: 2 });
    const large = job('large', { cpus: 4 });
    const small = job('small', { owner: 'bob' });
    const soon = planQueue([host('a')], [lease(running, 'a')], [large, small], rules);
    expect(granted(soon)).toEqual(['small']);
    const late = { ...large, waitedMs: rules.ageMs };
    const later = planQueue([host('a')], [lease(running, 'a')], [late, small], rules);
    expect(granted(later)).toEqual([]);
    expect(waits(later)['small']).toEqual({ reason: 'kept_for', job: 'large' });
  });

  it('grants whole devices, each to one job, and names what is scarce', () => {
    const plan = planQueue(
      [host('a', { devices: ['GPU-1', 'GPU-2'] })],
      [],
      [job('one', { devices: 1 }), job('two', { devices: 1 }), job('three', { devices: 2 })],
      rules,
    );
    expect(plan.grants.map(({ devices }) => devices)).toEqual([['GPU-1'], ['GPU-2']]);
    expect(waits(plan)).toEqual({ three: { reason: 'capacity', lacks: '2 GPUs' } });
  });

  it('keeps hosts with devices for jobs that need them where another would do', () => {
    const hosts = [host('gpu', { devices: ['GPU-1'] }), host('plain')];
    const plan = planQueue(hosts, [], [job('plain-work')], rules);
    expect(plan.grants.map((grant) => grant.host)).toEqual(['plain']);
  });

  it('holds to the limits of persons, spaces and types', () => {
    const limited: QueueRules = {
      ...rules,
      maxRunningPerPerson: 2,
      maxRunningOfSpace: { bio: 1 },
      maxRunningOfType: { train: 1 },
    };
    const plan = planQueue(
      [host('a', { cpus: 64 })],
      [],
      [
        ...[1, 2, 3].map((at) => job(`ada-${at}`)),
        ...[1, 2].map((at) => job(`bio-${at}`, { owner: 'bob', space: 'bio' })),
        ...[1, 2].map((at) => job(`train-${at}`, { owner: `eve-${at}`, type: 'train' })),
      ],
      limited,
    );
    expect(granted(plan).toSorted()).toEqual(['ada-1', 'ada-2', 'bio-1', 'train-1']);
    expect(waits(plan)).toEqual({
      'ada-3': { reason: 'person_cap', limit: 2 },
      'bio-2': { reason: 'space_cap', limit: 1 },
      'train-2': { reason: 'type_cap', limit: 1 },
    });
  });

  it('says when no host could ever run it, and when the one that could is silent', () => {
    const plan = planQueue(
      [host('a'), host('far', { cpus: 64, takesWork: false })],
      [],
      [
        job('huge', { cpus: 200 }),
        job('large', { cpus: 32 }),
        job('boxed', { runtime: 'docker' }),
        job('pinned', { host: 'far' }),
        job('fits'),
      ],
      rules,
    );
    expect(granted(plan)).toEqual(['fits']);
    expect(waits(plan)).toMatchObject({
      huge: { reason: 'no_host', lacks: '200 cores, 1 GiB of memory for a command' },
      large: { reason: 'host_silent', host: 'far' },
      boxed: { reason: 'no_host', lacks: '1 core, 1 GiB of memory for a container' },
      pinned: { reason: 'host_silent', host: 'far' },
    });
  });

  it('starts where the volumes live, and nowhere when they live apart', () => {
    const plan = planQueue(
      [host('a'), host('b')],
      [],
      [job('there', { volumesOn: ['b'] }), job('torn', { volumesOn: ['a', 'b'] })],
      rules,
    );
    expect(plan.grants.map((grant) => [grant.job, grant.host])).toEqual([['there', 'b']]);
    expect(waits(plan)).toMatchObject({
      torn: {
        reason: 'no_host',
        lacks: '1 core, 1 GiB of memory for a command on a and b, where its volumes live',
      },
    });
  });

  it('starts nothing that is held, and lets others pass', () => {
    const hold = { of: 'space', actor: 'ada', why: 'exam' } as const;
    const plan = planQueue([host('a', { cpus: 1 })], [], [job('one', { hold }), job('two')], rules);
    expect(granted(plan)).toEqual(['two']);
    expect(waits(plan)).toEqual({ one: { reason: 'held', hold } });
  });
});

// Seconds of computing alone, and ten times that beside everything else that a check runs.
describe('the queue, over 100 random labs of 40 steps each', { timeout: 120_000 }, () => {
  it('never gives out more than there is, forgets nobody, leaves nothing idle, and is blind to the order of rows', () => {
    for (let seed = 1; seed <= 100; seed += 1) simulate(seed, 40);
  });

  it('starts every job within a bounded time, whatever else is submitted', () => {
    for (let seed = 1; seed <= 20; seed += 1) starve(seed);
  });
});

/** A lab where jobs come, run, end and are canceled; each plan is checked and carried out. */
function simulate(seed: number, steps: number): void {
  const chance = chances(seed);
  const hosts = Array.from({ length: chance.whole(1, 4) }, (_, at) =>
    host(`host-${at}`, {
      cpus: chance.whole(1, 8),
      memoryBytes: chance.whole(1, 16) * GiB,
      devices: Array.from(
        { length: chance.whole(0, 3) },
        (_unused, device) => `GPU-${at}-${device}`,
      ),
      runtimes: chance.one([['process'], ['docker'], ['process', 'docker']]),
      takesWork: chance.happens(0.9),
    }),
  );
  const limited: QueueRules = {
    maxRunningPerPerson: chance.one([null, 1, 3]),
    maxRunningOfSpace: chance.one<Record<string, number>>([{}, { bio: 2 }]),
    maxRunningOfType: chance.one<Record<string, number>>([{}, { train: 1 }]),
    ageMs: 10,
  };
  let leases: QueueLease[] = [];
  let waiting: QueueJob[] = [];
  for (let step = 0; step < steps; step += 1) {
    for (let at = chance.whole(0, 3); at > 0; at -= 1) waiting.push(randomJob(chance, step, at));
    leases = leases.filter(() => chance.happens(0.8));
    waiting = waiting
      .filter(() => chance.happens(0.97))
      .map((one) => ({ ...one, waitedMs: one.waitedMs + 1 }));
    const plan = planQueue(hosts, leases, waiting, limited);
    check(seed, { hosts, leases, waiting, rules: limited, plan });
    expect(
      planQueue(chance.shuffled(hosts), chance.shuffled(leases), chance.shuffled(waiting), limited)
        .grants.map((grant) => grant.job)
        .toSorted(),
      `seed ${seed}`,
    ).toEqual(granted(plan).toSorted());
    for (const grant of plan.grants) {
      const one = waiting.find(({ id }) => id === grant.job);
      if (one) leases.push(lease(one, grant.host, grant.devices));
    }
    waiting = waiting.filter(({ id }) => !granted(plan).includes(id));
  }
}

type Chance = ReturnType<typeof chances>;

function randomJob(chance: Chance, step: number, at: number): QueueJob {
  return job(`job-${step}-${at}`, {
    owner: chance.one(['ada', 'bob', 'eve']),
    space: chance.one(['default', 'bio']),
    type: chance.one([null, 'train']),
    priority: chance.whole(-2, 2),
    cpus: chance.one([0.25, 0.5, 1, 2, 4, 16]),
    memoryBytes: chance.one([0.5, 1, 4]) * GiB,
    devices: chance.one([0, 0, 0, 1, 2]),
    runtime: chance.one(['process', 'docker']),
    host: chance.one([null, null, null, 'host-0', 'host-9']),
    hold: chance.happens(0.05) ? { of: 'job', actor: 'ada', why: 'not yet' } : null,
  });
}

interface Scene {
  hosts: readonly QueueHost[];
  leases: readonly QueueLease[];
  waiting: readonly QueueJob[];
  rules: QueueRules;
  plan: QueuePlan;
}

function check(seed: number, { hosts, leases, waiting, rules: limited, plan }: Scene): void {
  const told = `seed ${seed}`;
  const byId = new Map(waiting.map((one) => [one.id, one]));
  const named = [...granted(plan), ...plan.waiting.map((one) => one.job)];
  expect(named.toSorted(), told).toEqual([...byId.keys()].toSorted());
  const after = [
    ...leases,
    ...plan.grants.flatMap((grant) => {
      const one = byId.get(grant.job);
      return one ? [lease(one, grant.host, grant.devices)] : [];
    }),
  ];
  for (const grant of plan.grants) {
    const one = byId.get(grant.job);
    const on = hosts.find(({ name }) => name === grant.host);
    expect(on?.takesWork && on.runtimes.includes(one?.runtime ?? 'docker'), told).toBe(true);
    expect(one?.host ?? grant.host, told).toBe(grant.host);
    expect(one?.hold, told).toBeNull();
    expect(grant.devices, told).toHaveLength(one?.devices ?? -1);
    expect(
      grant.devices.every((device) => on?.devices.includes(device)),
      told,
    ).toBe(true);
  }
  for (const { name, cpus, memoryBytes } of hosts) {
    const here = after.filter((one) => one.host === name);
    const sum = (of: (one: QueueLease) => number) =>
      here.reduce((total, one) => total + of(one), 0);
    expect(
      sum((one) => one.cpus),
      told,
    ).toBeLessThanOrEqual(cpus + 1e-3);
    expect(
      sum((one) => one.memoryBytes),
      told,
    ).toBeLessThanOrEqual(memoryBytes);
  }
  const devices = after.flatMap((one) => one.devices);
  expect(new Set(devices).size, told).toBe(devices.length);
  const running = (test: (one: QueueLease) => boolean) => after.filter(test).length;
  // A limit that was lowered since may be passed by what runs, never by what is granted.
  for (const grant of plan.grants) {
    const one = byId.get(grant.job);
    const person = running(({ owner }) => owner === one?.owner);
    expect(person, told).toBeLessThanOrEqual(limited.maxRunningPerPerson ?? Infinity);
    const ofSpace = limited.maxRunningOfSpace[one?.space ?? ''] ?? Infinity;
    expect(
      running(({ space }) => space === one?.space),
      told,
    ).toBeLessThanOrEqual(ofSpace);
  }
  checkIdle(told, { hosts, leases: after, waiting, rules: limited, plan });
}

/** Whoever lacks room truly finds none on hosts that are not kept for somebody. */
function checkIdle(told: string, { hosts, leases, waiting, plan }: Scene): void {
  for (const { job: id, wait } of plan.waiting) {
    if (wait.reason !== 'capacity') continue;
    const one = waiting.find((candidate) => candidate.id === id);
    const fits = hosts.some((on) => {
      const here = leases.filter((held) => held.host === on.name);
      const freeCpus = on.cpus - here.reduce((sum, { cpus }) => sum + cpus, 0);
      const freeMemory = on.memoryBytes - here.reduce((sum, held) => sum + held.memoryBytes, 0);
      const freeDevices = on.devices.length - here.flatMap(({ devices }) => devices).length;
      return (
        one !== undefined &&
        on.takesWork &&
        on.runtimes.includes(one.runtime) &&
        (one.host === null || one.host === on.name) &&
        freeCpus >= one.cpus &&
        freeMemory >= one.memoryBytes &&
        freeDevices >= one.devices
      );
    });
    expect(fits, `${told} ${id}`).toBe(false);
  }
}

/** A stream of small urgent jobs that would fill the host for ever, and one that needs all of it. */
function starve(seed: number): void {
  const chance = chances(seed);
  const ageMs = 5;
  const longestRun = 6;
  const urgency = chance.whole(0, 3);
  let leases: { lease: QueueLease; until: number }[] = [];
  let waiting: QueueJob[] = [];
  const large = job('large', { cpus: 4, owner: 'eve' });
  for (let now = 0; ; now += 1) {
    if (now === 10) waiting.push(large);
    for (let at = 0; at < 3; at += 1) {
      const owner = chance.one(['ada', 'bob']);
      waiting.push(
        job(`small-${now}-${at}`, { owner, priority: urgency, number: 1_000_000 + now }),
      );
    }
    leases = leases.filter(({ until }) => until > now);
    waiting = waiting.map((one) => ({ ...one, waitedMs: one.waitedMs + 1 })).slice(-200);
    if (now >= 10 && !waiting.some(({ id }) => id === 'large')) waiting.unshift(large);
    const plan = planQueue(
      [host('a')],
      leases.map((one) => one.lease),
      waiting,
      { ...rules, ageMs },
    );
    for (const grant of plan.grants) {
      const one = waiting.find(({ id }) => id === grant.job);
      if (one === undefined) continue;
      const until = now + chance.whole(1, longestRun);
      leases.push({ lease: lease(one, grant.host), until });
    }
    if (granted(plan).includes('large')) return;
    waiting = waiting.filter(({ id }) => !granted(plan).includes(id));
    // It rises above the others, then the host empties.
    const bound = 10 + ageMs * (urgency + 60) + longestRun;
    expect(now, `seed ${seed}, urgency ${urgency}`).toBeLessThan(bound);
  }
}
