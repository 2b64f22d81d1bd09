import { getEventListeners } from 'node:events';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import type { AppFeed } from '../../src/api/app-feed.ts';
import type { AppLogs } from '../../src/api/app-log-source.ts';
import { followLog } from '../../src/api/log-follow.ts';
import { streams } from '../../src/api/stream.ts';
import type { AppJson } from '../../src/model/api.ts';
import type { App } from '../../src/store/ports.ts';

const instances = 30;
const appOf = (generation: number) => ({ name: 'plot', condition: { generation } });
const over = { fromByte: 0, nextByte: 0, bytes: new Uint8Array(), complete: true };

it('a log that is followed over many instances keeps one listener, not one an instance', async () => {
  const ending = new AbortController();
  const limits = { maxStreams: 1, bufferBytes: 1_000, heartbeatMs: 60_000 };
  const output = streams({ ...limits, ending: ending.signal }).open();
  const listeners = () => getEventListeners(output.closed, 'abort').length;
  const before = listeners();
  const seen: { generation: number; listeners: number }[] = [];
  const logs: Pick<AppLogs, 'read'> = {
    async read(_app, generation) {
      seen.push({ generation, listeners: listeners() });
      return over;
    },
  };
  // Each instance is over at once, and the next one is there; after the last the app is removed.
  let newest = 1;
  const apps: AppFeed = {
    async follow({ deliver }) {
      newest += 1;
      deliver('plot', newest > instances ? null : (appOf(newest) as AppJson));
    },
  };
  await followLog({
    app: appOf(1) as App,
    generation: 1,
    goesOn: true,
    first: over,
    output,
    logs: logs as AppLogs,
    apps,
    settings: { logPollMs: 1 },
    log: pino({ level: 'silent' }),
  });
  expect(seen.at(-1)).toEqual({ generation: instances, listeners: before });
});
