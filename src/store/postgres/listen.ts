import { setTimeout as wait } from 'node:timers/promises';
import type pg from 'pg';
import type { Database } from './database.ts';

const firstRetryMs = 100;
const lastRetryMs = 5000;
/** A connection whose other end vanished says nothing: ask it from time to time. */
const checkEveryMs = 10_000;

/**
 * Listens on one channel until `signal` aborts, through lost connections. `onConnected` is called
 * each time it hears again: what was said meanwhile is lost, so everything must be read anew.
 */
export async function listen(
  database: Database,
  channel: 'labkeeper_access' | 'labkeeper_apps' | 'labkeeper_events' | 'labkeeper_jobs',
  hears: { onConnected: () => void; onMessage: (payload: string) => void },
  signal: AbortSignal,
): Promise<void> {
  let retryMs = firstRetryMs;
  while (!signal.aborted) {
    try {
      await listenOnce(
        database,
        channel,
        {
          ...hears,
          onConnected: () => {
            retryMs = firstRetryMs;
            hears.onConnected();
          },
        },
        signal,
      );
    } catch (error) {
      if (signal.aborted) return;
      database.log.warn({ why: String(error), channel, retryMs }, 'database listener lost');
      await pause(retryMs * (0.5 + Math.random() / 2), signal);
      retryMs = Math.min(retryMs * 2, lastRetryMs);
    }
  }
}

async function listenOnce(
  database: Database,
  channel: string,
  hears: { onConnected: () => void; onMessage: (payload: string) => void },
  signal: AbortSignal,
): Promise<void> {
  const client = await database.connect();
  let check: NodeJS.Timeout | undefined;
  const { over, forget } = endOf(client, signal);
  try {
    client.on('notification', (message) => hears.onMessage(message.payload ?? ''));
    await client.query(`LISTEN ${channel}`);
    if (!signal.aborted) hears.onConnected();
    check = setInterval(() => {
      // Its failure also ends the client, which `over` hears.
      client.query('SELECT 1').catch((error: unknown) => client.emit('error', error));
    }, checkEveryMs);
    await over;
  } finally {
    forget();
    clearInterval(check);
    client.removeAllListeners('notification');
    client.end().catch((error: unknown) => {
      database.log.debug({ why: String(error) }, 'database listener did not end cleanly');
    });
  }
}

/** `over` resolves when `signal` aborts, rejects when the connection is lost; `forget` lets go of the signal. */
function endOf(
  client: pg.Client,
  signal: AbortSignal,
): { over: Promise<void>; forget: () => void } {
  let forget = () => {};
  const over = new Promise<void>((resolve, reject) => {
    client.on('error', reject);
    client.on('end', () => reject(new Error('the connection ended')));
    if (signal.aborted) resolve();
    const aborted = () => resolve();
    signal.addEventListener('abort', aborted, { once: true });
    // The signal lives as long as the process, connections come and go.
    forget = () => signal.removeEventListener('abort', aborted);
  });
  // It may fail before anybody awaits it.
  over.catch(() => undefined);
  return { over, forget: () => forget() };
}

/** Resolves after the time, or as soon as `signal` aborts. */
async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  await wait(delayMs, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
