import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Counter } from '../../src/metrics/metrics.ts';
import { openTracing } from '../../src/tracing/open.ts';
import { formatTraceparent, parseTraceparent } from '../../src/tracing/trace-context.ts';
import { isSampled } from '../../src/tracing/tracer.ts';
import { noTracing, type Tracing, type TracingSettings } from '../../src/tracing/tracing.ts';
import { eventually } from '../beds/eventually.ts';
import { startOtlpReceiver, type OtlpReceiver } from '../beds/otlp.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const spanId = 'b7ad6b7169203331';
const parent = `00-${traceId}-${spanId}-01`;

describe('a traceparent', () => {
  it.each([
    ['a usual one', parent, { traceId, spanId, sampled: true }],
    ['one that is not recorded', `00-${traceId}-${spanId}-00`, { traceId, spanId, sampled: false }],
    ['other flags', `00-${traceId}-${spanId}-fe`, { traceId, spanId, sampled: false }],
    ['space around it', ` ${parent} `, { traceId, spanId, sampled: true }],
    [
      'a later version',
      `cc-${traceId}-${spanId}-01-what-comes`,
      { traceId, spanId, sampled: true },
    ],
  ])('is read: %s', (_what, text, expected) => {
    expect(parseTraceparent(text)).toEqual(expected);
  });

  it.each([
    ['nothing', ''],
    ['capitals', parent.toUpperCase()],
    ['a trace of zeros', `00-${'0'.repeat(32)}-${spanId}-01`],
    ['a span of zeros', `00-${traceId}-${'0'.repeat(16)}-01`],
    ['the forbidden version', `ff-${traceId}-${spanId}-01`],
    ['version 0 with more behind', `${parent}-more`],
    ['a short id', `00-${traceId.slice(1)}-${spanId}-01`],
    ['other text', 'hello'],
  ])('is refused: %s', (_what, text) => {
    expect(parseTraceparent(text)).toBeNull();
  });

  it('is written as it is read', () => {
    for (const sampled of [true, false]) {
      const context = { traceId, spanId, sampled };
      expect(parseTraceparent(formatTraceparent(context))).toEqual(context);
    }
  });
});

describe('a sampler', () => {
  const unsampled = { traceId, spanId, sampled: false };
  const sampled = { traceId, spanId, sampled: true };
  it.each([
    ['always_on', null, true],
    ['always_on', unsampled, true],
    ['always_off', sampled, false],
    ['parentbased_always_on', null, true],
    ['parentbased_always_on', unsampled, false],
    ['parentbased_always_off', null, false],
    ['parentbased_always_off', sampled, true],
    ['parentbased_traceidratio', sampled, true],
  ] as const)('%s below %o says %s', (name, above, expected) => {
    expect(isSampled(name, 0, traceId, above)).toBe(expected);
  });

  it('takes its share of the traces, always the same ones', () => {
    const ids = Array.from({ length: 4_000 }, () => randomBytes(16).toString('hex'));
    const taken = ids.filter((id) => isSampled('traceidratio', 0.25, id, null));
    expect(taken.length).toBeGreaterThan(800);
    expect(taken.length).toBeLessThan(1_200);
    expect(taken.every((id) => isSampled('parentbased_traceidratio', 0.5, id, null))).toBe(true);
  });
});

describe('tracing', () => {
  let receiver: OtlpReceiver;
  let tracing: Tracing | null = null;
  const counts = { sent: 0, dropped: 0 };
  const logged: string[] = [];
  const counter = (name: 'sent' | 'dropped'): Counter => ({
    add: (count = 1) => {
      counts[name] += count;
    },
  });
  beforeEach(async () => {
    receiver = await startOtlpReceiver();
    Object.assign(counts, { sent: 0, dropped: 0 });
    logged.length = 0;
  });
  afterEach(async () => {
    await tracing?.close();
    tracing = null;
    await receiver.close();
    expect(receiver.mistakes).toEqual([]);
  });

  const open = async (changes: Partial<TracingSettings> = {}): Promise<Tracing> => {
    tracing = await openTracing(
      {
        endpoint: receiver.url,
        headers: undefined,
        sampler: 'parentbased_always_on',
        ratio: 1,
        ...changes,
      },
      {
        service: 'labkeeper-test',
        version: '1.2.3',
        host: 'local',
        spans: { sent: counter('sent'), dropped: counter('dropped') },
        log: pino(
          { level: 'debug' },
          { write: (line: string) => void logged.push((JSON.parse(line) as { msg: string }).msg) },
        ),
      },
    );
    return tracing;
  };

  it('without an endpoint is nothing at all', async () => {
    const off = await open({ endpoint: undefined });
    expect(off).toBe(noTracing);
    const span = off.begin({ name: 'visit', kind: 'server', parent });
    expect(span.traceparent).toBeUndefined();
    expect(off.within(span, () => off.current())).toBeUndefined();
    span.end();
    expect(receiver.requests).toEqual([]);
  });

  it('sends spans as the protocol has them', async () => {
    const { begin, close } = await open();
    const span = begin({
      name: 'visit',
      kind: 'server',
      parent,
      attributes: { text: 'a', whole: 3, half: 0.5, yes: true },
    });
    span.rename('a better name');
    span.end({ attributes: { more: 'b' }, failure: 'refused' });
    span.end({ attributes: { more: 'never' } });
    await close();
    expect(receiver.spans).toHaveLength(1);
    const [got] = receiver.spans;
    expect(got).toMatchObject({
      ...{ service: 'labkeeper-test', traceId, parentSpanId: spanId },
      ...{ name: 'a better name', kind: 2, failure: 'refused' },
      attributes: { text: 'a', whole: 3, half: 0.5, yes: true, more: 'b' },
    });
    expect(span.traceparent).toBe(`00-${traceId}-${got?.spanId}-01`);
    expect(counts).toEqual({ sent: 1, dropped: 0 });
  });

  it('begins a trace where there is none, and tells it to those who ask inside', async () => {
    const { begin, within, current, close } = await open();
    const outer = begin({ name: 'outer', kind: 'server' });
    await within(outer, async () => {
      await Promise.resolve();
      begin({ name: 'inner', kind: 'client', parent: current() }).end();
    });
    expect(current()).toBeUndefined();
    outer.end();
    await close();
    const [inner, root] = receiver.spans;
    expect(root).toMatchObject({ name: 'outer', parentSpanId: '' });
    expect(inner).toMatchObject({ traceId: root?.traceId, parentSpanId: root?.spanId });
  });

  it('sends nothing of what is not sampled, and tells those below', async () => {
    const { begin, record, close } = await open();
    const span = begin({ name: 'visit', kind: 'server', parent: `00-${traceId}-${spanId}-00` });
    expect(span.traceparent).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`));
    record(span.traceparent, { name: 'below', kind: 'internal', beganAtMs: 1, durationMs: 1 });
    record(undefined, { name: 'of nobody', kind: 'internal', beganAtMs: 1, durationMs: 1 });
    span.end();
    await close();
    expect(receiver.requests).toEqual([]);
  });

  it('sends by itself soon after, with the headers that were asked for', async () => {
    const { begin } = await open({ headers: 'authorization=Bearer%20s3cret, x-tenant=lab' });
    begin({ name: 'visit', kind: 'server' }).end();
    await eventually(() => expect(receiver.spans).toHaveLength(1));
    expect(receiver.requests[0]?.headers).toMatchObject({
      authorization: 'Bearer s3cret',
      'x-tenant': 'lab',
    });
    expect(logged.join()).not.toContain('s3cret');
  });

  it('refuses headers it cannot read, without telling them', async () => {
    await expect(open({ headers: 'authorization=%ff' })).rejects.toThrow(
      /OTEL_EXPORTER_OTLP_HEADERS holds a value with a bad percent escape/,
    );
  });

  it('tries again after trouble that may pass, and drops what is refused', async () => {
    const { begin, close } = await open();
    receiver.answerNext(503);
    begin({ name: 'first', kind: 'server' }).end();
    await eventually(() => expect(receiver.spans).toHaveLength(1));
    receiver.answerNext(400);
    begin({ name: 'second', kind: 'server' }).end();
    await close();
    expect(counts).toEqual({ sent: 1, dropped: 1 });
    expect(logged).toContain('traces are dropped');
  });

  it('keeps a bounded number while nobody takes them, and says so once', async () => {
    const { begin, close } = await open({ endpoint: 'http://127.0.0.1:1' });
    for (let number = 0; number < 5_000; number += 1) begin({ name: 'n', kind: 'server' }).end();
    expect(counts.dropped).toBeGreaterThanOrEqual(5_000 - 2_048 - 512);
    await close();
    expect(counts).toEqual({ sent: 0, dropped: 5_000 });
    expect(logged.filter((line) => line === 'traces are dropped')).toHaveLength(1);
  });

  it('cuts long values', async () => {
    const { begin, close } = await open();
    const long = 'x'.repeat(10_000);
    begin({ name: 'visit', kind: 'server', attributes: { long } }).end({ failure: long });
    await close();
    expect(String(receiver.spans[0]?.attributes['long'])).toHaveLength(256);
    expect(receiver.spans[0]?.failure).toHaveLength(256);
  });
});
