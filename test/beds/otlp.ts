import { once } from 'node:events';
import { createServer } from 'node:http';
import { z } from 'zod';

/** A span as a receiver has it. */
export interface ReceivedSpan {
  service: string;
  traceId: string;
  spanId: string;
  parentSpanId: string;
  name: string;
  kind: number;
  beganNs: bigint;
  endedNs: bigint;
  attributes: Record<string, string | number | boolean>;
  /** What went wrong; null when nothing did. */
  failure: string | null;
}

/** An OTLP receiver over HTTP that refuses whatever is not exactly as the protocol has it. */
export interface OtlpReceiver {
  url: string;
  spans: ReceivedSpan[];
  /** Whole requests, as they came. */
  requests: { headers: Record<string, string | string[] | undefined>; body: string }[];
  /** What was wrong with requests; a test looks that there is nothing. */
  mistakes: string[];
  /** Answers these statuses to the next requests, then 200 again. */
  answerNext(...statuses: number[]): void;
  close(): Promise<void>;
}

const hex = (digits: number) =>
  z
    .string()
    .regex(new RegExp(`^[0-9a-f]{${digits}}$`))
    .refine((id) => !/^0+$/.test(id), 'must not be all 0');
const nanoseconds = z.string().regex(/^[1-9]\d{18}$/, 'must be nanoseconds since 1970, as text');
const attribute = z.strictObject({
  key: z.string().min(1),
  value: z.union([
    z.strictObject({ stringValue: z.string() }),
    z.strictObject({ intValue: z.string().regex(/^-?\d+$/) }),
    z.strictObject({ doubleValue: z.number() }),
    z.strictObject({ boolValue: z.boolean() }),
  ]),
});
const attributes = z
  .array(attribute)
  .refine((all) => new Set(all.map(({ key }) => key)).size === all.length, 'a key comes twice');
const spanSchema = z
  .strictObject({
    traceId: hex(32),
    spanId: hex(16),
    parentSpanId: z.union([z.literal(''), hex(16)]),
    name: z.string().min(1),
    kind: z.int().min(1).max(5),
    startTimeUnixNano: nanoseconds,
    endTimeUnixNano: nanoseconds,
    attributes,
    status: z.strictObject({ code: z.literal(2), message: z.string() }).optional(),
  })
  .refine((span) => BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano), {
    message: 'ends before it begins',
  });
const requestSchema = z.strictObject({
  resourceSpans: z.array(
    z.strictObject({
      resource: z.strictObject({ attributes }),
      scopeSpans: z.array(
        z.strictObject({
          scope: z.strictObject({ name: z.string(), version: z.string() }),
          spans: z.array(spanSchema).min(1),
        }),
      ),
    }),
  ),
});

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const statuses: number[] = [];
  const receiver: OtlpReceiver = {
    url: '',
    spans: [],
    requests: [],
    mistakes: [],
    answerNext: (...next) => void statuses.push(...next),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      receiver.requests.push({ headers: request.headers, body });
      const status = statuses.shift() ?? 200;
      if (status === 200) {
        const mistake = take(receiver, request.method, request.url, request.headers, body);
        if (mistake !== null) {
          receiver.mistakes.push(mistake);
          response.writeHead(400).end(mistake);
          return;
        }
      }
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the receiver has no port');
  receiver.url = `http://127.0.0.1:${address.port}`;
  return receiver;
}

function take(
  receiver: OtlpReceiver,
  method: string | undefined,
  path: string | undefined,
  headers: Record<string, string | string[] | undefined>,
  body: string,
): string | null {
  if (method !== 'POST' || path !== '/v1/traces')
    return `${method} ${path} is no way to send traces`;
  if (headers['content-type'] !== 'application/json') return `no JSON: ${headers['content-type']}`;
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return 'the body is no JSON';
  }
  const { data, error } = requestSchema.safeParse(parsed);
  if (data === undefined) return z.prettifyError(error);
  for (const { resource, scopeSpans } of data.resourceSpans) {
    const service = String(valuesOf(resource.attributes)['service.name']);
    for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
      receiver.spans.push({
        service,
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId,
        name: span.name,
        kind: span.kind,
        beganNs: BigInt(span.startTimeUnixNano),
        endedNs: BigInt(span.endTimeUnixNano),
        attributes: valuesOf(span.attributes),
        failure: span.status?.message ?? null,
      });
    }
  }
  return null;
}

function valuesOf(list: z.infer<typeof attributes>): ReceivedSpan['attributes'] {
  return Object.fromEntries(
    list.map(({ key, value }) => {
      if ('stringValue' in value) return [key, value.stringValue];
      if ('intValue' in value) return [key, Number(value.intValue)];
      return [key, 'boolValue' in value ? value.boolValue : value.doubleValue];
    }),
  );
}
