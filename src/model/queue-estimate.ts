import {
  planQueue,
  type QueueHost,
  type QueueJob,
  type QueueLease,
  type QueueRules,
} from './queue.ts';

/** The first so many of the queue are told when they will probably start. */
const looksAt = 200;
/** So many ends of others are thought through. */
const ends = 200;

/**
 * When those that wait will probably start, in milliseconds from now, by playing the queue through with how long
 * the like of each ran. Missing: one that depends on something nobody knows the length of.
 */
export function estimateStarts(moment: {
  hosts: readonly QueueHost[];
  leases: readonly (QueueLease & { leftMs: number | null })[];
  jobs: readonly (QueueJob & { expectedMs: number | null })[];
  rules: QueueRules;
}): Map<string, number> {
  const { hosts, rules } = moment;
  const starts = new Map<string, number>();
  let running = moment.leases.map((lease) => ({
    lease: lease as QueueLease,
    endsMs: lease.leftMs,
  }));
  let waiting = [...moment.jobs].sort((one, other) => one.number - other.number).slice(0, looksAt);
  let nowMs = 0;
  for (let turn = 0; turn < ends && waiting.length > 0; turn += 1) {
    const later = waiting.map((job) => ({ ...job, waitedMs: job.waitedMs + nowMs }));
    const plan = planQueue(
      hosts,
      running.map(({ lease }) => lease),
      later,
      rules,
    );
    for (const { job: id, host, devices } of plan.grants) {
      const job = waiting.find((one) => one.id === id);
      if (job === undefined) continue;
      starts.set(id, nowMs);
      const { owner, space, type, cpus, memoryBytes, expectedMs } = job;
      running.push({
        lease: { job: id, owner, space, type, cpus, memoryBytes, host, devices },
        endsMs: expectedMs === null ? null : nowMs + expectedMs,
      });
    }
    waiting = waiting.filter(({ id }) => !starts.has(id));
    const next = Math.min(...running.map(({ endsMs }) => endsMs ?? Number.POSITIVE_INFINITY));
    if (!Number.isFinite(next)) break;
    nowMs = Math.max(nowMs, next);
    running = running.filter(({ endsMs }) => endsMs === null || endsMs > nowMs);
  }
  return starts;
}
