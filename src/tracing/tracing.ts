/**
 * What rooms say of the work they do for a visit. Spans go where operators keep traces; without
 * `OTEL_EXPORTER_OTLP_ENDPOINT` nothing is loaded, and every call here does nothing.
 */
export interface Tracing {
  /** False when nothing is traced: what would only be worked out for a span can be left out. */
  readonly on: boolean;
  /**
   * Begins a span below `parent`, a traceparent; without one a new trace begins, if the sampler
   * wants one. End it once.
   */
  begin(start: SpanStart): Span;
  /** A span that is over already. Nothing when its parent is none, or not recorded. */
  record(parent: string | undefined, span: PastSpan): Span;
  /** Runs `act` with the span around it, for `current`. */
  within<Result>(span: Span, act: () => Result): Result;
  /** The traceparent of the span around the caller, to hand on; undefined without one. */
  current(): string | undefined;
  /** Sends what is left, for at most two seconds. */
  close(): Promise<void>;
}

/**
 * What a span is to the one above it: `server` answers a request, `client` makes one, `producer` hands
 * over what is done later, `internal` is a step.
 */
export type SpanKind = 'internal' | 'server' | 'client' | 'producer';

/** No secrets and nothing that people typed: names, numbers and words of ours. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanStart {
  name: string;
  kind: SpanKind;
  parent?: string | null | undefined;
  attributes?: Attributes;
}

export interface PastSpan {
  name: string;
  kind: SpanKind;
  /** Epoch milliseconds. */
  beganAtMs: number;
  durationMs: number;
  attributes?: Attributes;
  /** What went wrong, in a word of ours. */
  failure?: string | undefined;
}

export interface Span {
  /** To hand on; undefined when nothing is traced. */
  readonly traceparent: string | undefined;
  /** Renames it, when the better name is known only now. */
  rename(name: string): void;
  end(result?: { attributes?: Attributes; failure?: string | undefined }): void;
}

export interface TracingSettings {
  /** Where an OTLP receiver listens; without it nothing is traced. */
  endpoint: string | undefined;
  /** `name=value` pairs, for the receiver; may hold a secret. */
  headers: string | undefined;
  sampler: SamplerName;
  /** Share of the traces that a ratio sampler takes: 0 to 1. */
  ratio: number;
}

export const samplerNames = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
export type SamplerName = (typeof samplerNames)[number];

const noSpan: Span = { traceparent: undefined, rename() {}, end() {} };

/** Traces nothing, costs nothing. */
export const noTracing: Tracing = {
  on: false,
  begin: () => noSpan,
  record: () => noSpan,
  within: (_span, act) => act(),
  current: () => undefined,
  close: async () => undefined,
};
