import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { appSpecSchema } from '../../src/model/app-spec.ts';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import type { Store } from '../../src/store/ports.ts';
import { eventually } from '../beds/eventually.ts';
import { openTestDatabase } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { closeBeds, openApp, openGateway, untilStatus } from './bed.ts';

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  await closeBeds();
  for (const close of closers.splice(0).reverse()) await close();
});

/** A gateway on the real store, and an app that was registered there. */
async function gateway() {
  const database = await openTestDatabase();
  closers.push(() => database.drop());
  const store = await openPostgresStore({
    url: database.url,
    poolSize: 4,
    applicationName: 'gateway test',
    log: pino({ level: 'silent' }),
  });
  closers.push(() => store.close());
  const app = await openApp((_request, response) => response.end('ok'));
  const bed = await openGateway({ ports: store });
  await store.apps.register({
    name: 'plot',
    space: 'default',
    owner: 'tester',
    spec: appSpecSchema.parse({ command: ['serve'] }),
    actor: 'tester',
    operationId: randomUUID(),
  });
  return { ...bed, app, real: store };
}

async function publish(store: Store, port: number, revision: number): Promise<void> {
  const life = await store.apps.beginLife('plot');
  const mark = { life: life?.mark.life ?? 1, revision };
  await store.apps.advance('plot', mark, {
    condition: { wanted: 'awake', phase: 'ready', generation: 1, host: 'local' },
    route: { generation: 1, host: 'local', address: '127.0.0.1', port },
  });
}

describe.runIf(requirePart('postgres'))('the gateway on PostgreSQL', () => {
  test('hears of an app, its route, its closing, and takes it back by one visit', async () => {
    const { real, app, ...bed } = await gateway();
    await untilStatus(bed, 'plot', 'asleep');
    await publish(real, app.port, 1);
    await untilStatus(bed, 'plot', 'ready');
    expect(await (await fetch(bed.url('/app/plot/'))).text()).toBe('ok');
    await eventually(async () => {
      expect(await real.use.read('plot')).toMatchObject({ reason: 'GET /app/plot/', inFlight: 0 });
    });

    expect(await real.routes.beginClosing('plot', 1, 'first')).toBe(true);
    await eventually(async () => {
      const progress = await real.routes.closingProgress('plot', 'first');
      expect(progress).toMatchObject({ state: 'closing', silent: [], words: [{ inFlight: 0 }] });
    });
    expect(await (await fetch(bed.url('/app/plot/'))).text()).toBe('ok');
    expect(await real.routes.finishClosing('plot', 'first')).toBe(false);

    expect(await real.routes.beginClosing('plot', 1, 'second')).toBe(true);
    await eventually(async () => {
      const { words } = await real.routes.closingProgress('plot', 'second');
      expect(words).toHaveLength(1);
    });
    expect(await real.routes.finishClosing('plot', 'second')).toBe(true);
    const page = await fetch(bed.url('/app/plot/'), { headers: { accept: 'text/html' } });
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('plot');
    await eventually(() => expect(bed.api.wakes).toHaveLength(1));
  });
});
