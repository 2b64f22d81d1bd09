import type { ActivityOptions } from '@temporalio/workflow';
import { hostQueue } from '../model/names.ts';

/**
 * The only place with activity timeouts and retry pace. Retries are bounded by time or by nothing. A dead
 * worker is noticed by the missing heartbeat, which is beaten for every activity: activities/heartbeats.ts.
 */
const pace = { initialInterval: 200, backoffCoefficient: 2, maximumInterval: 10_000 } as const;

/** Short statements on the database, on the workflow's own queue. A database that is away is waited for. */
export const quick: ActivityOptions = {
  startToCloseTimeout: '30 s',
  // A worker that died holds its app up for so long, and not for the time that a slow database is given.
  heartbeatTimeout: '5 s',
  retry: pace,
};

/** Waits for gateways. */
export const polling: ActivityOptions = {
  startToCloseTimeout: '30 min',
  heartbeatTimeout: '10 s',
  retry: pace,
};

/** Pulls an image, starts, probes: minutes, on one host. Answers a cancel between probes. */
export const starting = (host: string): ActivityOptions => ({
  taskQueue: hostQueue(host),
  scheduleToStartTimeout: '5 min',
  startToCloseTimeout: '60 min',
  heartbeatTimeout: '10 s',
  retry: pace,
});

/** The same for a job, whose host may be away for a while: it holds its place there. */
export const startingJob = (host: string): ActivityOptions => ({
  taskQueue: hostQueue(host),
  startToCloseTimeout: '60 min',
  heartbeatTimeout: '10 s',
  retry: pace,
});

/** Waits for an image that may not be there yet, on one host, which may be away for a while. */
export const preparing = (host: string): ActivityOptions => ({
  taskQueue: hostQueue(host),
  startToCloseTimeout: '60 min',
  heartbeatTimeout: '10 s',
  retry: pace,
});

/** Undoing: never given up, since what it leaves behind costs more than the wait. */
export const undoing = (host: string): ActivityOptions => ({
  taskQueue: hostQueue(host),
  startToCloseTimeout: '15 min',
  heartbeatTimeout: '10 s',
  retry: pace,
});
