import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../beds/eventually.ts';
import {
  browse,
  closeBeds,
  navigation,
  openApp,
  openGateway,
  openRawApp,
  untilStatus,
  type GatewayBed,
} from './bed.ts';

afterEach(closeBeds);

const number = (bed: GatewayBed, name: string): number => bed.worker.numbers()[name] ?? Number.NaN;
const waitedBy = (visitor: 'page' | 'call') =>
  `labkeeper_gateway_wake_seconds_count{visitor="${visitor}"}`;

describe('the numbers of a gateway', () => {
  test('a visitor’s wait ends with the first byte of the app, after the waiting page', async () => {
    const app = await openApp((_request, response) => response.end('served'));
    const bed = await openGateway();
    bed.store.add('plot', {});
    await untilStatus(bed, 'plot', 'asleep');
    await (await browse(bed.url('/app/plot/'))).text();
    await (await browse(bed.url('/app/plot/'))).text();
    expect(number(bed, waitedBy('page'))).toBe(0);
    bed.store.publish('plot', app.port);
    await untilStatus(bed, 'plot', 'ready');
    expect(number(bed, waitedBy('page'))).toBe(0);
    for (const _ of [1, 2]) await (await browse(bed.url('/app/plot/'))).text();
    expect(number(bed, waitedBy('page'))).toBe(1);
    expect(number(bed, waitedBy('call'))).toBe(0);
  });

  test('a held call’s wait is told apart, and one that was given up is not counted', async () => {
    const app = await openApp((_request, response) => response.end('served'));
    const bed = await openGateway();
    bed.store.add('plot', {});
    await untilStatus(bed, 'plot', 'asleep');
    const call = fetch(bed.url('/app/plot/data'));
    await eventually(() => expect(number(bed, 'labkeeper_gateway_held_requests')).toBe(1));
    bed.store.publish('plot', app.port);
    expect(await (await call).text()).toBe('served');
    expect(number(bed, waitedBy('call'))).toBe(1);

    bed.store.unpublish('plot');
    await untilStatus(bed, 'plot', 'asleep');
    await (await browse(bed.url('/app/plot/'))).text();
    bed.store.remove('plot');
    await eventually(async () => expect((await fetch(bed.url('/app/plot/'))).status).toBe(404));
    bed.store.add('plot', {});
    bed.store.publish('plot', app.port);
    await untilStatus(bed, 'plot', 'ready');
    await (await browse(bed.url('/app/plot/'))).text();
    expect(number(bed, waitedBy('page'))).toBe(0);
  });

  test('who does not come back had not waited, and the next visitor is a new one', async () => {
    const app = await openApp((_request, response) => response.end('served'));
    const bed = await openGateway({ pace: { comesBackWithinMs: 20 } });
    bed.store.add('plot', {});
    await untilStatus(bed, 'plot', 'asleep');
    await (await browse(bed.url('/app/plot/'))).text();
    bed.store.publish('plot', app.port);
    await untilStatus(bed, 'plot', 'ready');
    const began = performance.now();
    await eventually(() => expect(performance.now() - began).toBeGreaterThan(60));
    await (await browse(bed.url('/app/plot/'))).text();
    expect(number(bed, waitedBy('page'))).toBe(0);
  });

  test('a wait goes on when something else about the sleeping app changes', async () => {
    const app = await openApp((_request, response) => response.end('served'));
    const bed = await openGateway();
    bed.store.add('plot', {});
    await untilStatus(bed, 'plot', 'asleep');
    await (await browse(bed.url('/app/plot/'))).text();
    bed.store.change('plot', { detail: 'a word' });
    bed.store.change('plot', { wanted: 'awake', phase: 'starting' });
    await untilStatus(bed, 'plot', 'starting');
    bed.store.publish('plot', app.port);
    await untilStatus(bed, 'plot', 'ready');
    await (await browse(bed.url('/app/plot/'))).text();
    expect(number(bed, waitedBy('page'))).toBe(1);
  });

  test('answers are counted by class, and apps that give none by how they fail', async () => {
    const app = await openApp((request, response) => {
      response.statusCode = Number(request.url?.slice(1));
      response.end();
    });
    const raw = await openRawApp((socket) => socket.end('this is no HTTP\r\n\r\n'));
    const bed = await openGateway();
    for (const [name, port] of [
      ['plot', app.port],
      ['odd', raw.port],
    ] as const) {
      bed.store.add(name, { preset: 'plain' });
      bed.store.publish(name, port);
      await untilStatus(bed, name, 'ready');
    }
    for (const status of [200, 204, 301, 404, 500, 503]) {
      await fetch(bed.url(`/app/plot/${status}`), { redirect: 'manual' });
    }
    const forwards = (name: string) => `labkeeper_gateway_forwards_total{class="${name}"}`;
    expect(['1xx', '2xx', '3xx', '4xx', '5xx'].map((name) => number(bed, forwards(name)))).toEqual([
      0, 2, 1, 1, 2,
    ]);
    expect(number(bed, 'labkeeper_gateway_forward_seconds_count')).toBe(6);
    expect((await fetch(bed.url('/app/odd/'))).status).toBe(502);
    const failures = 'labkeeper_gateway_upstream_failures_total{kind="unreadable"}';
    expect(number(bed, failures)).toBe(1);
  });

  test('an idle stop that use calls off is counted', async () => {
    const app = await openApp((_request, response) => response.end('served'));
    const bed = await openGateway();
    bed.store.add('plot', {});
    bed.store.publish('plot', app.port);
    await untilStatus(bed, 'plot', 'ready');
    await bed.store.routes.beginClosing('plot', 1, 'c1');
    await eventually(() => expect(bed.store.words).toHaveLength(1));
    await (await browse(bed.url('/app/plot/'), { ...navigation })).text();
    expect(number(bed, 'labkeeper_gateway_idle_stops_called_off_total')).toBe(1);
  });

  test('calls to wake are counted by what the API answers', async () => {
    const bed = await openGateway();
    bed.store.add('plot', {});
    await untilStatus(bed, 'plot', 'asleep');
    bed.api.wakeStatus = 507;
    await (await browse(bed.url('/app/plot/'))).text();
    const asked = (outcome: string) => `labkeeper_gateway_wakes_asked_total{outcome="${outcome}"}`;
    await eventually(() => expect(number(bed, asked('refused'))).toBeGreaterThan(0));
    bed.api.wakeStatus = 202;
    await eventually(() => expect(number(bed, asked('taken'))).toBe(1));
    expect(number(bed, asked('unanswered'))).toBe(0);
  });

  test('the age of the routes tells how long the store has been silent', async () => {
    const bed = await openGateway({ pace: { readEveryMs: 20 } });
    const age = () => number(bed, 'labkeeper_gateway_routes_age_seconds');
    bed.store.down = true;
    await eventually(() => expect(number(bed, 'labkeeper_gateway_store_reachable')).toBe(0));
    const before = age();
    await eventually(() => expect(age()).toBeGreaterThan(before + 0.2));
    bed.store.down = false;
    await eventually(() => expect(age()).toBeLessThan(0.2));
  });
});
