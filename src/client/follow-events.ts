import {
  appSchema,
  timelineEventSchema,
  type AppJson,
  type TimelineEventJson,
} from '../model/api.ts';
import { jobSchema, type JobJson } from '../model/job-api.ts';
import { ProblemError } from './problem-error.ts';
import { serverSentEvents, type ServerSentEvent } from './server-sent-events.ts';
import { sleep } from './sleep.ts';
import { bodyOf, type Transport } from './transport.ts';

/** What a stream tells: a line of a timeline, how an app or a job is now, or that it is gone. */
export type StreamMessage =
  | { type: 'event'; event: TimelineEventJson }
  | { type: 'app'; app: AppJson }
  | { type: 'app-removed'; name: string }
  | { type: 'job'; job: JobJson }
  | { type: 'job-removed'; id: string };

export interface FollowOptions {
  /** Resume behind this event; `'0'` is the very beginning, none means from now on. */
  after?: string;
  /** Begin with how all apps are now; the stream of one app always does. */
  snapshot?: boolean;
  /** Ends the stream: the iteration is over, without an error. */
  signal?: AbortSignal;
}

const firstRetryMs = 250;
const lastRetryMs = 5_000;

/**
 * Iterates over a stream, and comes back behind the last event after every loss. Refusals that
 * will not pass by themselves (4xx) are thrown.
 */
export async function* followEvents(
  transport: Transport,
  path: string,
  { after, snapshot, signal }: FollowOptions = {},
): AsyncGenerator<StreamMessage> {
  let last = after;
  let retryMs = firstRetryMs;
  for (;;) {
    if (isOver(signal)) return;
    try {
      const answer = await transport.open(path, {
        query: { after: last, ...(snapshot === true ? { snapshot } : {}) },
        headers: { accept: 'text/event-stream' },
        signal,
      });
      for await (const message of serverSentEvents(bodyOf(answer))) {
        retryMs = firstRetryMs;
        last = message.id ?? last;
        const told = read(message);
        if (told !== null) yield told;
      }
    } catch (error) {
      if (isOver(signal)) return;
      if (error instanceof ProblemError && error.status < 500) throw error;
    }
    await sleep(retryMs, signal);
    retryMs = Math.min(retryMs * 2, lastRetryMs);
  }
}

function read({ event, data }: ServerSentEvent): StreamMessage | null {
  switch (event) {
    case 'event':
      return { type: 'event', event: timelineEventSchema.parse(JSON.parse(data)) };
    case 'app':
      return { type: 'app', app: appSchema.parse(JSON.parse(data)) };
    case 'app-removed':
      return { type: 'app-removed', name: (JSON.parse(data) as { name: string }).name };
    case 'job':
      return { type: 'job', job: jobSchema.parse(JSON.parse(data)) };
    case 'job-removed':
      return { type: 'job-removed', id: (JSON.parse(data) as { id: string }).id };
    default:
      return null;
  }
}

const isOver = (signal: AbortSignal | undefined): boolean => signal?.aborted === true;
