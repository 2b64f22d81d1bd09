import type { Log } from '../log.ts';
import type { App } from '../store/ports.ts';
import type { AppFeed } from './app-feed.ts';
import type { AppLogs } from './app-log-source.ts';
import type { LogPart } from './log-reader.ts';
import { pause } from './pause.ts';
import type { OpenStream } from './stream.ts';

/** A host that does not answer is asked again this often. */
const retryMs = 1_000;

/**
 * Writes a log to `output` as it grows, from `first` on, at the pace of its reader. Ends with the
 * instance; with `goesOn` it waits for the next instance instead, and ends with the app. A host
 * that falls silent is waited for. Resolves when it is over; never rejects.
 */
export async function followLog(options: {
  app: App;
  generation: number;
  goesOn: boolean;
  first: LogPart;
  output: OpenStream;
  logs: AppLogs;
  apps: AppFeed;
  settings: { logPollMs: number };
  log: Log;
}): Promise<void> {
  const { goesOn, output, logs, log, settings } = options;
  const signal = output.closed;
  const instances = watchInstances(options);
  try {
    let { app, generation } = options;
    let part: LogPart | null = options.first;
    let nextByte = 0;
    for (;;) {
      if (part !== null) {
        if (part.bytes.length > 0) output.write(part.bytes);
        nextByte = part.nextByte;
        await output.drained();
      }
      if (signal.aborted) return;
      if (part?.complete === true && part.bytes.length === 0) {
        if (!goesOn) return;
        const next = await instances.after(generation);
        if (next === null) return;
        app = next;
        generation = next.condition.generation;
        nextByte = 0;
      } else if (part === null) {
        await pause(retryMs, signal);
      } else if (part.bytes.length === 0) {
        await pause(settings.logPollMs, signal);
      }
      if (signal.aborted) return;
      try {
        part = await logs.read(app, generation, { fromByte: nextByte }, signal);
      } catch (error) {
        if (!signal.aborted) log.debug({ err: error, app: app.name }, 'followed log not read');
        part = null;
      }
    }
  } catch (error) {
    log.warn({ err: error, app: options.app.name }, 'followed log ended');
  } finally {
    output.end();
  }
}

/** Tells when an app has an instance with a higher generation, by the feed all streams share. */
function watchInstances(options: {
  app: App;
  goesOn: boolean;
  output: OpenStream;
  apps: AppFeed;
}): { after(generation: number): Promise<App | null> } {
  const { app, output, apps } = options;
  const signal = output.closed;
  return {
    after: (generation) =>
      new Promise<App | null>((resolve, reject) => {
        const found = new AbortController();
        const settle = (next: App | null) => {
          found.abort();
          resolve(next);
        };
        // It goes with the search, or each instance of a log that is followed for days would leave one.
        signal.addEventListener('abort', () => settle(null), { once: true, signal: found.signal });
        const follow = async () => {
          await apps.follow({
            spaces: null,
            app: app.name,
            snapshot: true,
            signal: AbortSignal.any([signal, found.signal]),
            deliver: (_name, now) => {
              if (now === null) settle(null);
              else if (now.condition.generation > generation) {
                settle({ ...app, condition: now.condition });
              }
            },
          });
        };
        follow().catch(reject);
      }),
  };
}
