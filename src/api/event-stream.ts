import type { AppJson } from '../model/api.ts';
import { spacesOf, type Caller } from '../model/roles.ts';
import type { TimelineEvent } from '../store/ports.ts';
import type { AppFeed } from './app-feed.ts';
import type { EventFeed } from './event-feed.ts';
import { eventFor, withoutOutput } from './present.ts';
import type { OpenStream, Streams } from './stream.ts';

/** A comment that keeps proxies from closing a quiet stream. */
export const heartbeat = ': still here\n\n';

/**
 * Server-sent events: `event` (one line of a timeline, with its id) and `app` (an app as it is now,
 * without an id; `app-removed` when it is gone). `after` resumes the timeline behind an id.
 */
export function eventStream(sources: { events: EventFeed; apps: AppFeed; streams: Streams }) {
  const { events, apps, streams } = sources;
  return async (options: {
    app: string | null;
    /** Gets what is in the spaces they may see, without output that they may not read. */
    caller: Caller;
    after: string | undefined;
    /** Begin with the apps as they are now. */
    snapshot: boolean;
  }): Promise<Response> => {
    const spaces = spacesOf(options.caller, 'app.see');
    const stream = streams.open({ heartbeat });
    const writeEvents = (lines: readonly TimelineEvent[]) => {
      for (const line of lines) {
        stream.write(message('event', eventFor(options.caller, line), line.id));
      }
    };
    const writeApp = (name: string, app: AppJson | null) => {
      if (app === null) stream.write(message('app-removed', { name }));
      else stream.write(message('app', withoutOutput(options.caller, app)));
    };
    try {
      stream.write('retry: 2000\n\n');
      await apps.follow({
        app: options.app,
        spaces,
        snapshot: options.snapshot,
        deliver: writeApp,
        signal: stream.closed,
      });
      await events.follow({
        ...(options.app === null ? {} : { entity: `app/${options.app}` as const }),
        spaces,
        after: options.after,
        deliver: writeEvents,
        drained: () => stream.drained(),
        signal: stream.closed,
      });
    } catch (error) {
      stream.end();
      throw error;
    }
    return streamAnswer(stream);
  };
}

/** The answer that carries a stream of server-sent events. */
export function streamAnswer(stream: OpenStream): Response {
  return new Response(stream.body, {
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    },
  });
}

/** One server-sent event; what has an id can be resumed behind. */
export function message(event: string, data: unknown, id?: string): string {
  const idLine = id === undefined ? '' : `id: ${id}\n`;
  return `${idLine}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
