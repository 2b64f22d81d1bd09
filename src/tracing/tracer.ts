import { AsyncLocalStorage } from 'node:async_hooks';
import type { Exporter } from './exporter.ts';
import {
  formatTraceparent,
  newSpanId,
  newTraceId,
  parseTraceparent,
  type TraceContext,
} from './trace-context.ts';
import type { Attributes, PastSpan, SamplerName, Span, Tracing } from './tracing.ts';

/** Makes spans and hands those that are over and sampled to the exporter. */
export function createTracer(options: {
  sampler: SamplerName;
  ratio: number;
  exporter: Exporter;
}): Tracing {
  const { exporter } = options;
  const around = new AsyncLocalStorage<Span>();

  const contextBelow = (parent: TraceContext | null): TraceContext => {
    const traceId = parent?.traceId ?? newTraceId();
    const sampled = isSampled(options.sampler, options.ratio, traceId, parent);
    return { traceId, spanId: newSpanId(), sampled };
  };
  const send = (context: TraceContext, parent: TraceContext | null, span: PastSpan) => {
    if (!context.sampled) return;
    exporter.add({ ...span, ...context, parentSpanId: parent?.spanId ?? '' });
  };

  return {
    on: true,
    begin({ name, kind, parent: given, attributes = {} }) {
      const parent = parseTraceparent(given);
      const context = contextBelow(parent);
      const beganAtMs = Date.now();
      const beganMs = performance.now();
      let finalName = name;
      let over = false;
      return {
        traceparent: formatTraceparent(context),
        rename(better) {
          finalName = better;
        },
        end({ attributes: more = {}, failure } = {}) {
          if (over) return;
          over = true;
          const durationMs = performance.now() - beganMs;
          const all: Attributes = { ...attributes, ...more };
          send(context, parent, {
            ...{ name: finalName, kind, beganAtMs, durationMs, failure },
            attributes: all,
          });
        },
      };
    },
    record(given, span) {
      const parent = parseTraceparent(given);
      if (parent === null) return { traceparent: undefined, rename() {}, end() {} };
      const context = contextBelow(parent);
      send(context, parent, span);
      return { traceparent: formatTraceparent(context), rename() {}, end() {} };
    },
    within: (span, act) => around.run(span, act),
    current: () => around.getStore()?.traceparent,
    close: () => exporter.close(),
  };
}

/** As the SDKs of OpenTelemetry decide it, so that ratios agree between programs. */
export function isSampled(
  sampler: SamplerName,
  ratio: number,
  traceId: string,
  parent: TraceContext | null,
): boolean {
  if (sampler.startsWith('parentbased_') && parent !== null) return parent.sampled;
  if (sampler.endsWith('always_on')) return true;
  if (sampler.endsWith('always_off')) return false;
  let bits = 0;
  for (let at = 0; at < 32; at += 8) bits ^= Number.parseInt(traceId.slice(at, at + 8), 16);
  return bits >>> 0 < Math.floor(ratio * 0xff_ff_ff_ff);
}
