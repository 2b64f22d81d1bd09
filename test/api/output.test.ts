import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serverSentEvents, type ServerSentEvent } from '../../src/client/server-sent-events.ts';
import { requirePart } from '../beds/require.ts';
import { openPeople, type PeopleBed } from './people-bed.ts';

const line = 'password is hunter2';
const why = 'it exited with code 3 before it was ready';

describe.runIf(requirePart('postgres'))('the last lines of an app that failed', () => {
  let api: PeopleBed;
  let readers: Record<'viewer' | 'user' | 'instructor', Record<string, string>>;
  beforeAll(async () => {
    api = await openPeople();
    readers = {
      viewer: await api.person('vera', { ml101: 'viewer' }),
      user: await api.person('uma', { ml101: 'user' }),
      instructor: await api.person('ina', { ml101: 'instructor' }),
    };
    const body = { space: 'ml101', command: ['serve', '{port}'], access: 'everyone' };
    await api.send('PUT', '/api/v1/apps/broken', { body, headers: readers.instructor });
    const began = await api.store.apps.beginLife('broken');
    if (began === null) throw new Error('the app has no row');
    const condition = { phase: 'failed' as const, detail: why, lastLogLines: [line] };
    const event = { actor: 'labkeeper', what: 'failed', why, data: { lastLogLines: [line] } };
    await api.store.apps.advance('broken', { ...began.mark, revision: 1 }, { condition, event });
  });
  afterAll(() => api.close());

  const addresses = [
    '/api/v1/apps/broken',
    '/api/v1/apps',
    '/api/v1/apps/broken/events',
    '/api/v1/events',
    '/manage/app/broken',
    '/manage',
    '/',
  ];
  const read = async (path: string, reader: keyof typeof readers) =>
    (await api.send('GET', path, { headers: readers[reader] })).text();
  /** What a stream tells until it has told the failure, as app and as event. */
  const streamed = async (path: string, reader: keyof typeof readers): Promise<string> => {
    const answer = await api.send('GET', path, { headers: readers[reader] });
    if (answer.body === null) throw new Error('the stream has no body');
    let text = '';
    for await (const message of serverSentEvents(answer.body)) {
      text += dataOf(message);
      if (text.includes('"what":"failed"') && text.includes('"status":"failed"')) break;
    }
    return text;
  };
  const dataOf = ({ data }: ServerSentEvent) => `${data}\n`;

  it.each(['viewer', 'user'] as const)(
    'are kept from a %s, who is told why it failed',
    async (reader) => {
      for (const path of addresses) {
        const text = await read(path, reader);
        expect([path, text.includes('broken'), text.includes(line)]).toEqual([path, true, false]);
      }
      for (const path of ['/api/v1/apps/broken/events/stream', '/api/v1/events/stream']) {
        const text = await streamed(`${path}?after=0&snapshot=true`, reader);
        expect([path, text.includes(why), text.includes(line)]).toEqual([path, true, false]);
      }
    },
  );

  it('are shown to an instructor, who may read the output', async () => {
    const shown = ['/api/v1/apps/broken', '/api/v1/events', '/manage/app/broken', '/manage'];
    for (const path of shown) expect(await read(path, 'instructor')).toContain(line);
    const text = await streamed('/api/v1/events/stream?after=0&snapshot=true', 'instructor');
    expect(text.split(line)).toHaveLength(3);
  });
});
