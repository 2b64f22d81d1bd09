import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { registration } from './registration.ts';

describe.runIf(requirePart('postgres'))('apps', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  beforeAll(async () => {
    bed = await openTestStore();
  });
  afterAll(() => bed.close());

  it('registers an app with operation, outbox entry and event', async () => {
    const { store } = bed;
    const { outcome, app, operation } = await store.apps.register(
      registration('plot', { operationId: 'op-plot' }),
    );
    expect(outcome).toBe('created');
    expect(app).toMatchObject({ name: 'plot', space: 'default', owner: 'ana', specRevision: 1 });
    expect(app.condition).toMatchObject({ wanted: 'asleep', phase: 'none', generation: 0 });
    expect(operation).toMatchObject({ id: 'op-plot', entity: 'app/plot', state: 'accepted' });
    const entry = await store.outbox.claim('op-plot');
    expect(entry?.payload).toMatchObject({ command: 'replace', needsNewInstance: false });
    const [event] = await store.events.list({ entity: 'app/plot', limit: 10 });
    expect(event).toMatchObject({ what: 'registered', actor: 'ana' });
    expect(await store.apps.find('plot')).toEqual(app);
  });
});
