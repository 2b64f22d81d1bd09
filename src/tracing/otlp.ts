import type { TraceContext } from './trace-context.ts';
import type { Attributes, PastSpan, SpanKind } from './tracing.ts';

/** A span that is over, with its place in its trace. */
export interface FinishedSpan extends PastSpan, TraceContext {
  /** Empty for the first of a trace. */
  parentSpanId: string;
}

/** Numbers of the protocol (opentelemetry/proto/trace/v1/trace.proto). */
const kinds: Readonly<Record<SpanKind, number>> = {
  internal: 1,
  server: 2,
  client: 3,
  producer: 4,
};
const statusError = 2;
const maxTextLength = 256;

/** An ExportTraceServiceRequest as OTLP/JSON has it: ids in hexadecimal, 64-bit numbers as text. */
export function formatTrace(
  spans: readonly FinishedSpan[],
  resource: { service: string; version: string; host: string },
): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: {
          attributes: attributesOf({
            'service.name': resource.service,
            'service.namespace': 'labkeeper',
            'service.version': resource.version,
            'host.name': resource.host,
          }),
        },
        scopeSpans: [
          { scope: { name: 'labkeeper', version: resource.version }, spans: spans.map(spanJson) },
        ],
      },
    ],
  });
}

function spanJson(span: FinishedSpan) {
  const beganNs = nanoseconds(span.beganAtMs);
  const endedNs = nanoseconds(span.beganAtMs + Math.max(0, span.durationMs));
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    name: span.name,
    kind: kinds[span.kind],
    startTimeUnixNano: beganNs,
    endTimeUnixNano: endedNs,
    attributes: attributesOf(span.attributes ?? {}),
    ...(span.failure === undefined
      ? {}
      : { status: { code: statusError, message: span.failure.slice(0, maxTextLength) } }),
  };
}

/** Microseconds are as fine as the clocks are, and as numbers are exact. */
function nanoseconds(epochMs: number): string {
  return `${BigInt(Math.round(epochMs * 1000))}000`;
}

function attributesOf(attributes: Attributes) {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: valueOf(value) }));
}

function valueOf(value: string | number | boolean) {
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'string') return { stringValue: value.slice(0, maxTextLength) };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
