import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { echoApp, visitPage } from '../acceptance/echo-app.ts';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { startOtlpReceiver, type OtlpReceiver, type ReceivedSpan } from '../beds/otlp.ts';
import { requirePart } from '../beds/require.ts';

const present = requirePart('postgres') && requirePart('temporal');
const patienceMs = 30_000;
/** In whatever an app, a visitor or an operator says: it must be in no trace. */
const canary = 'canary-7c1f0d5e';

describe.runIf(present)('the trace of a visit', () => {
  let receiver: OtlpReceiver;
  let lab: Lab;
  beforeAll(async () => {
    receiver = await startOtlpReceiver();
    lab = await startLab({
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=${canary}`,
    });
  });
  afterAll(async () => {
    await lab?.close();
    await receiver?.close();
  });

  const newTrace = () => {
    const traceId = randomBytes(16).toString('hex');
    const spanId = randomBytes(8).toString('hex');
    return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-01` };
  };
  const register = (name: string, environment: Record<string, string> = {}) =>
    lab.client.apps.register(name, echoApp({ environment }));
  /** The spans of a trace by their names, once all of `names` are there. */
  const spansOf = (traceId: string, names: string[]) =>
    eventually(
      () => {
        const own = receiver.spans.filter((span) => span.traceId === traceId);
        expect(own.map(({ name }) => name).toSorted(byText)).toEqual(names.toSorted(byText));
        return new Map(own.map((span) => [span.name, span]));
      },
      { deadlineMs: patienceMs },
    );
  const need = (spans: Map<string, ReceivedSpan>, name: string): ReceivedSpan => {
    const span = spans.get(name);
    if (span === undefined) throw new Error(`no span ${name}`);
    return span;
  };
  const wakeRoute = 'POST /internal/apps/:name/wake';
  const ofWake = ['deliver to Temporal', 'place', 'start instance', 'start', 'probe', 'publish'];
  /** Everything between visit and first byte, and what is above it. */
  const expectTree = (spans: Map<string, ReceivedSpan>, top: string) => {
    const above = {
      'deliver to Temporal': top,
      place: top,
      'start instance': top,
      start: 'start instance',
      probe: 'start instance',
      publish: 'start instance',
    };
    for (const [name, parent] of Object.entries(above)) {
      expect([name, need(spans, name).parentSpanId]).toEqual([name, need(spans, parent).spanId]);
    }
    const began = ['place', 'start', 'probe', 'publish'].map((name) => need(spans, name).beganNs);
    expect(began).toEqual(began.toSorted((left, right) => (left < right ? -1 : 1)));
    for (const span of spans.values()) expect([span.name, span.failure]).toEqual([span.name, null]);
  };

  it('goes from a held call through API, outbox, workflow and host to its first byte', async () => {
    await register('held');
    const { traceId, spanId, traceparent } = newTrace();
    const answer = await fetch(lab.appUrl('held', '/who'), {
      headers: { traceparent, tracestate: 'vendor=1' },
    });
    const { headers } = (await answer.json()) as { headers: Record<string, string> };
    const spans = await spansOf(traceId, ['visit', 'ask to wake', wakeRoute, ...ofWake]);
    expectTree(spans, wakeRoute);
    const visit = need(spans, 'visit');
    expect(visit.parentSpanId).toBe(spanId);
    expect(need(spans, 'ask to wake').parentSpanId).toBe(visit.spanId);
    expect(need(spans, wakeRoute).parentSpanId).toBe(need(spans, 'ask to wake').spanId);
    // The app goes on in the same trace.
    expect(headers['traceparent']).toBe(`00-${traceId}-${visit.spanId}-01`);
    expect(headers['tracestate']).toBe('vendor=1');
    expect(visit.endedNs).toBeGreaterThanOrEqual(need(spans, 'publish').beganNs);
    expect(visit.attributes).toMatchObject({
      'labkeeper.app': 'held',
      'labkeeper.visitor': 'call',
      'http.response.status_code': 200,
    });
    expect(need(spans, 'place').attributes).toMatchObject({ 'temporal.workflow_id': 'app/held' });
    expect(
      Object.fromEntries([...spans.values()].map(({ name, service }) => [name, service])),
    ).toEqual({
      visit: 'labkeeper-gateway',
      'ask to wake': 'labkeeper-gateway',
      [wakeRoute]: 'labkeeper-api',
      'deliver to Temporal': 'labkeeper-api',
      ...Object.fromEntries(ofWake.slice(1).map((name) => [name, 'labkeeper-worker'])),
    });
  });

  it('begins with a person’s page and ends with the page of the app', async () => {
    await register('page');
    expect((await visitPage(lab.appUrl('page'))).body).not.toContain('echo /');
    await eventually(
      async () =>
        expect((await visitPage(lab.appUrl('page', '/who'))).body).toContain('traceparent'),
      { deadlineMs: patienceMs },
    );
    const visit = await eventually(() => {
      const found = receiver.spans.find(
        ({ name, attributes }) => name === 'visit' && attributes['labkeeper.app'] === 'page',
      );
      expect(found).toBeDefined();
      return found;
    });
    expect(visit).toMatchObject({ parentSpanId: '', failure: null });
    const spans = await spansOf(visit?.traceId ?? '', [
      'visit',
      'ask to wake',
      wakeRoute,
      ...ofWake,
    ]);
    expectTree(spans, wakeRoute);
    // From then on the app runs, and a visit is no news.
    const before = receiver.spans.length;
    await visitPage(lab.appUrl('page'));
    const { traceId, spanId, traceparent } = newTrace();
    const { headers } = (await (
      await fetch(lab.appUrl('page', '/who'), { headers: { traceparent } })
    ).json()) as { headers: Record<string, string> };
    const forward = need(await spansOf(traceId, ['forward']), 'forward');
    expect(forward).toMatchObject({
      parentSpanId: spanId,
      attributes: { 'labkeeper.app': 'page', 'http.response.status_code': 200 },
    });
    expect(headers['traceparent']).toBe(`00-${traceId}-${forward.spanId}-01`);
    expect(receiver.spans.length).toBe(before + 1);
  });

  it('that is not recorded is told on and recorded nowhere', async () => {
    await register('silent');
    const { traceId, spanId } = newTrace();
    const answer = await fetch(lab.appUrl('silent', '/who'), {
      headers: { traceparent: `00-${traceId}-${spanId}-00` },
    });
    const { headers } = (await answer.json()) as { headers: Record<string, string> };
    expect(headers['traceparent']).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`));
    // Spans of what came later are there: those of this trace would be, too.
    await register('marker');
    const marked = newTrace();
    await fetch(lab.appUrl('marker'), { headers: { traceparent: marked.traceparent } });
    await spansOf(marked.traceId, ['visit', 'ask to wake', wakeRoute, ...ofWake]);
    expect(receiver.spans.filter((span) => span.traceId === traceId)).toEqual([]);
  });

  it('outlives the API that accepted a command while Temporal was away', async () => {
    await register('outlives');
    await lab.temporal.stop();
    const { traceId, traceparent } = newTrace();
    const answer = await fetch(`${lab.apiUrl}/api/v1/apps/outlives/start`, {
      method: 'POST',
      headers: { traceparent, 'content-type': 'application/json' },
      body: '{}',
    });
    expect(answer.status).toBe(202);
    const { id } = (await answer.json()) as { id: string };
    await eventually(() =>
      expect(receiver.spans.some((span) => span.traceId === traceId)).toBe(true),
    );
    await lab.api.kill9();
    await lab.temporal.start();
    await lab.api.start();
    await lab.client.operations.wait(id);
    const spans = await eventually(
      () => {
        const own = receiver.spans.filter((span) => span.traceId === traceId);
        const good = own.filter(({ failure }) => failure === null);
        expect(new Set(good.map(({ name }) => name))).toEqual(
          new Set(['POST /api/v1/apps/:name/start', ...ofWake]),
        );
        return new Map(good.map((span) => [span.name, span]));
      },
      { deadlineMs: patienceMs },
    );
    expectTree(spans, 'POST /api/v1/apps/:name/start');
  });

  it('of a start that fails says so, and a restart hours later is no part of it', async () => {
    await lab.client.apps.register('broken', {
      ...echoApp({ environment: { HEALTH_STATUS: '500' } }),
      health: { path: '/health', startDeadlineMs: 300 },
    });
    const { traceId, traceparent } = newTrace();
    await fetch(lab.appUrl('broken'), { headers: { traceparent } });
    await eventually(
      () => {
        const own = receiver.spans.filter((span) => span.traceId === traceId);
        const failures = Object.fromEntries(own.map(({ name, failure }) => [name, failure]));
        expect(failures).toMatchObject({ visit: 'failed', 'start instance': 'failed' });
      },
      { deadlineMs: patienceMs },
    );

    await register('crashes');
    const wake = newTrace();
    await fetch(lab.appUrl('crashes'), { headers: { traceparent: wake.traceparent } });
    await spansOf(wake.traceId, ['visit', 'ask to wake', wakeRoute, ...ofWake]);
    await fetch(lab.appUrl('crashes', '/crash')).catch(() => undefined);
    await eventually(
      async () => {
        const { status, condition } = await lab.client.apps.show('crashes');
        expect({ status, generation: condition.generation }).toEqual({
          status: 'ready',
          generation: 2,
        });
      },
      { deadlineMs: patienceMs },
    );
    await spansOf(wake.traceId, ['visit', 'ask to wake', wakeRoute, ...ofWake]);
  });

  it('holds nothing that apps, visitors and operators keep secret', async () => {
    await register('secret', { API_KEY: canary });
    const { traceId, traceparent } = newTrace();
    const answer = await fetch(lab.appUrl('secret', `/${canary}?token=${canary}`), {
      headers: {
        traceparent,
        authorization: `Bearer ${canary}`,
        cookie: `session=${canary}`,
        'user-agent': canary,
      },
    });
    await answer.text();
    await spansOf(traceId, ['visit', 'ask to wake', wakeRoute, ...ofWake]);
    expect(receiver.requests[0]?.headers['authorization']).toBe(canary);
    for (const { body } of receiver.requests) expect(body).not.toContain(canary);
    expect(receiver.mistakes).toEqual([]);
    for (const process of [lab.gateway, lab.api, lab.worker]) {
      const lines = process
        .output()
        .split('\n')
        .filter((line) => line.includes('traces'));
      expect(lines.join('\n')).not.toContain(canary);
    }
  });
});

const byText = (left: string, right: string) => left.localeCompare(right);
