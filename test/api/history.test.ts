import { describe, expect, it } from 'vitest';
import { appHistorySchema } from '../../src/model/api.ts';
import { memoryRing } from '../../src/model/memory-ring.ts';
import { requirePart } from '../beds/require.ts';
import { openApi, problemOf } from './bed.ts';

describe.runIf(requirePart('postgres'))('the history of an app over the API', () => {
  it('is series that a chart can draw as they are', async () => {
    const api = await openApi();
    await api.register('plot', { limits: { memoryBytes: 512 * 1024 * 1024 } });
    const { history } = api.store;
    await history.wakePlaced({ app: 'plot', generation: 1, host: 'local', placeMs: 2 });
    await history.wakeReady({
      ...{ app: 'plot', generation: 1 },
      ...{ pullMs: 0, startMs: 30, probeMs: 400, publishMs: 3 },
    });
    await history.reportMemory([{ app: 'plot', memoryBytes: 4096 }], memoryRing(60_000, 1_440));
    const answer = await api.send('GET', '/api/v1/apps/plot/usage/history?days=3');
    expect(answer.status).toBe(200);
    const body = appHistorySchema.parse(await answer.json());
    expect(body.days).toHaveLength(3);
    expect(body.memory).toMatchObject({
      limitBytes: 512 * 1024 * 1024,
      stepMs: 60_000,
      points: [{ meanBytes: 4096, peakBytes: 4096 }],
    });
    const [wake] = body.wakes;
    const sum = Object.values(wake?.phases ?? {}).reduce((ms, phase) => ms + phase, 0);
    expect(sum).toBeCloseTo(wake?.totalMs ?? 0, 3);
    const month = await api.send('GET', '/api/v1/apps/plot/usage/history?memory=month');
    expect(appHistorySchema.parse(await month.json())).toMatchObject({
      memory: { stepMs: 3_600_000, points: [{ peakBytes: 4096 }] },
    });
    await api.close();
  });

  it.each([
    ['days', 'days=0'],
    ['days', 'days=367'],
    ['days', 'days=some'],
    ['wakes', 'wakes=51'],
    ['memory', 'memory=year'],
  ])('refuses a bad %s: %s', async (field, query) => {
    const api = await openApi();
    await api.register('plot');
    const problem = await problemOf(
      await api.send('GET', `/api/v1/apps/plot/usage/history?${query}`),
    );
    expect(problem.status).toBe(400);
    expect(problem.errors?.map(({ path }) => path)).toEqual([field]);
    await api.close();
  });

  it('of an app that is not there is 404', async () => {
    const api = await openApi();
    expect((await api.send('GET', '/api/v1/apps/nobody/usage/history')).status).toBe(404);
    await api.close();
  });
});
