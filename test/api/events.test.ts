import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serverSentEvents, type ServerSentEvent } from '../../src/client/server-sent-events.ts';
import type { AppJson, EventListJson, TimelineEventJson } from '../../src/model/api.ts';
import { eventually } from '../beds/eventually.ts';
import { requirePart } from '../beds/require.ts';
import { openApi, problemOf, type ApiBed } from './bed.ts';

describe.runIf(requirePart('postgres'))('timelines', () => {
  let api: ApiBed;
  beforeAll(async () => {
    api = await openApi();
  });
  afterAll(() => api.close());

  it('shows a timeline newest first, a page at a time, with who did what and why', async () => {
    await api.register('paged');
    await say('paged', 'one', 'two', 'three');
    const first = await page('/api/v1/apps/paged/events?limit=2');
    expect(first.items.map(({ what }) => what)).toEqual(['three', 'two']);
    const rest = await page(`/api/v1/apps/paged/events?before=${first.next}`);
    expect(rest.items.map(({ what }) => what)).toEqual(['one', 'registered']);
    expect(rest.next).toBeNull();
    expect(rest.items[1]).toMatchObject({ entity: 'app/paged', actor: 'local user' });
  });

  it('streams what happens, and resumes behind the last id without a gap or a repeat', async () => {
    await api.register('streamed');
    const first = await open('/api/v1/apps/streamed/events/stream');
    await say('streamed', 'a', 'b');
    // "From now on" begins where no transaction is open: a little before now.
    const seen = await take(first, 2, ({ what }) => what !== 'registered');
    expect(seen.map(whatOf)).toEqual(['a', 'b']);
    await first.close();
    await say('streamed', 'c', 'd');
    const resumed = await open('/api/v1/apps/streamed/events', {
      accept: 'text/event-stream',
      'last-event-id': seen[0]?.id ?? '',
    });
    await say('streamed', 'e');
    expect((await take(resumed, 4)).map(whatOf)).toEqual(['b', 'c', 'd', 'e']);
    await resumed.close();
  });

  it('resumes far behind, and keeps the order of all while more is written', async () => {
    await api.register('busy');
    await say('busy', ...Array.from({ length: 450 }, (_, index) => `old ${index}`));
    const stream = await open('/api/v1/apps/busy/events/stream?after=0');
    const writing = say('busy', ...Array.from({ length: 100 }, (_, index) => `new ${index}`));
    const seen = await take(stream, 551);
    await writing;
    expect(seen.slice(1).map(whatOf)).toEqual([
      ...Array.from({ length: 450 }, (_, index) => `old ${index}`),
      ...Array.from({ length: 100 }, (_, index) => `new ${index}`),
    ]);
    await stream.close();
  });

  it('streams everything to many readers by one reader of the database', async () => {
    await api.register('shared-a');
    await api.register('shared-b');
    const { since } = api.store.events;
    let reads = 0;
    api.store.events.since = (request) => {
      reads += 1;
      return since(request);
    };
    const all = await Promise.all(Array.from({ length: 10 }, () => open('/api/v1/events/stream')));
    await say('shared-a', 'seen by all');
    await say('shared-b', 'seen by all too');
    for (const stream of all) {
      const both = await take(stream, 2, ({ entity }) => entity.startsWith('app/shared-'));
      expect(both.map(whatOf)).toEqual(['seen by all', 'seen by all too']);
    }
    const readsWithTen = reads;
    await Promise.all(all.map((stream) => stream.close()));
    api.store.events.since = since;
    // Ten readers of their own would have read at least twice each.
    expect(readsWithTen).toBeLessThan(20);
  });

  it('begins the stream of an app with the app, and pushes it when its state changes', async () => {
    await api.register('live');
    const stream = await open('/api/v1/apps/live/events/stream');
    const [first] = await takeApps(stream, 1);
    expect(first).toMatchObject({ name: 'live', status: 'asleep' });
    const row = await api.store.apps.beginLife('live');
    await api.store.apps.advance(
      'live',
      { life: row?.mark.life ?? 0, revision: 1 },
      { condition: { wanted: 'awake', phase: 'starting', generation: 1, host: 'lab-1' } },
    );
    await takeApps(stream, 1, (app) => app.status === 'starting');
    await api.store.apps.setDetail('live', 1, 'waiting for health');
    await takeApps(stream, 1, (app) => app.explanation.includes('waiting for health'));
    await stream.close();
  });

  it('pushes all apps to a stream of everything, and begins with them when asked', async () => {
    await api.register('snap-a');
    const stream = await open('/api/v1/events/stream?snapshot=true');
    await takeApps(stream, 1, ({ name }) => name === 'snap-a');
    await api.register('snap-b');
    await takeApps(stream, 1, ({ name }) => name === 'snap-b');
    await stream.close();
  });

  it('says when an app is gone', async () => {
    await api.register('going');
    const stream = await open('/api/v1/apps/going/events/stream');
    await api.send('DELETE', '/api/v1/apps/going');
    const row = await api.store.apps.beginLife('going');
    const mark = { life: row?.mark.life ?? 0, revision: 1 };
    const removed = await api.store.apps.remove('going', mark, {});
    expect(removed).toBe(true);
    await stream.next(({ event }) => event === 'app-removed');
    await stream.close();
    const kept = await page('/api/v1/apps/going/events');
    expect(kept.items.map(({ what }) => what)).toContain('registered');
  });

  it('goes on when the database was away, without a gap', async () => {
    await api.register('patient');
    const stream = await open('/api/v1/apps/patient/events/stream?after=0');
    await take(stream, 1);
    const { since } = api.store.events;
    let failures = 0;
    api.store.events.since = () => {
      failures += 1;
      return Promise.reject(new Error('cannot read new events: the database does not answer'));
    };
    await say('patient', 'while away');
    await eventually(() => expect(failures).toBeGreaterThan(1));
    api.store.events.since = since;
    await say('patient', 'after');
    expect((await take(stream, 2)).map(whatOf)).toEqual(['while away', 'after']);
    await stream.close();
    const told = api.logged.filter(({ msg }) => msg === 'event feed cannot read; trying again');
    expect(told).toHaveLength(1);
  });

  it('refuses an id that is none', async () => {
    const answer = await api.send('GET', '/api/v1/events/stream', {
      headers: { 'last-event-id': 'not-an-id' },
    });
    expect(answer.status).toBe(400);
    await problemOf(answer);
  });

  async function say(app: string, ...words: string[]): Promise<void> {
    for (const what of words) {
      await api.store.events.append(`app/${app}`, { actor: 'test', what, why: 'to see it' });
    }
  }
  async function page(path: string): Promise<EventListJson> {
    const answer = await api.send('GET', path);
    expect(answer.status).toBe(200);
    return (await answer.json()) as EventListJson;
  }
  async function open(path: string, headers: Record<string, string> = {}): Promise<Stream> {
    const answer = await api.send('GET', path, { headers });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    return readStream(answer);
  }
});

describe.runIf(requirePart('postgres'))('the bounds of streams', () => {
  it('refuses more streams than the limit, and takes new ones when some end', async () => {
    const api = await openApi({ settings: { maxEventStreams: 2 } });
    const streams = [];
    for (let count = 0; count < 2; count += 1) {
      streams.push(readStream(await api.send('GET', '/api/v1/events/stream')));
    }
    const refused = await api.send('GET', '/api/v1/events/stream');
    expect(refused.status).toBe(503);
    expect((await problemOf(refused)).detail).toContain('LABKEEPER_MAX_EVENT_STREAMS');
    expect(refused.headers.get('retry-after')).toBe('10');
    await streams[0]?.close();
    const again = await eventually(async () => {
      const answer = await api.send('GET', '/api/v1/events/stream');
      expect(answer.status).toBe(200);
      return readStream(answer);
    });
    await again.close();
    await streams[1]?.close();
    await api.close();
  });

  it('drops a reader that does not read, and keeps those that do', async () => {
    const api = await openApi({ settings: { streamBufferBytes: 2_000 } });
    await api.register('loud');
    const slow = await api.send('GET', '/api/v1/events/stream');
    const quick = readStream(await api.send('GET', '/api/v1/events/stream'));
    const why = 'x'.repeat(150);
    const gauge = async () => (await api.send('GET', '/metrics')).text();
    expect(await gauge()).toContain('labkeeper_api_open_streams 2');
    for (let count = 0; count < 40; count += 1) {
      await api.store.events.append('app/loud', { actor: 'test', what: `line ${count}`, why });
      await quick.next(({ data }) => data.includes(`line ${count}"`));
    }
    await eventually(async () => expect(await gauge()).toContain('labkeeper_api_open_streams 1'));
    const left = await new Response(slow.body).text();
    expect(left.length).toBeLessThan(4_000);
    await quick.close();
    await api.close();
  });

  it('keeps quiet streams alive with comments, and ends all when the process does', async () => {
    const api = await openApi({ settings: { heartbeatMs: 20 } });
    const answer = await api.send('GET', '/api/v1/events/stream');
    const reader = answer.body?.getReader();
    const decoder = new TextDecoder();
    let text = '';
    while (!text.includes(': still here\n\n: still here')) {
      text += decoder.decode((await reader?.read())?.value);
    }
    await api.close();
    for (;;) {
      const part = await reader?.read();
      if (part?.done !== false) break;
    }
  });
});

interface Stream {
  /** The next message for which `wanted` holds; rejects when the stream ends before. */
  next(wanted: (message: ServerSentEvent) => boolean): Promise<ServerSentEvent>;
  close(): Promise<void>;
}

function readStream(answer: Response): Stream {
  const messages = serverSentEvents(answer.body as ReadableStream<Uint8Array>);
  return {
    async next(wanted) {
      for (;;) {
        const { value, done } = await messages.next();
        if (done === true) throw new Error('the stream ended');
        if (wanted(value)) return value;
      }
    },
    close: async () => {
      await messages.return(undefined);
      if (answer.body?.locked === false) await answer.body.cancel();
    },
  };
}

const whatOf = ({ what }: TimelineEventJson) => what;

async function take(
  stream: Stream,
  count: number,
  wanted: (event: TimelineEventJson) => boolean = () => true,
): Promise<TimelineEventJson[]> {
  const events: TimelineEventJson[] = [];
  while (events.length < count) {
    const { data } = await stream.next(({ event }) => event === 'event');
    const event = JSON.parse(data) as TimelineEventJson;
    if (wanted(event)) events.push(event);
  }
  return events;
}

async function takeApps(
  stream: Stream,
  count: number,
  wanted: (app: AppJson) => boolean = () => true,
): Promise<AppJson[]> {
  const apps: AppJson[] = [];
  while (apps.length < count) {
    const { data } = await stream.next(({ event }) => event === 'app');
    const app = JSON.parse(data) as AppJson;
    if (wanted(app)) apps.push(app);
  }
  return apps;
}
