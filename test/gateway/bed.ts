import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { gatewayMetrics } from '../../src/metrics/gateway-metrics.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import { loadConfig, publicUrls } from '../../src/config.ts';
import {
  startGatewayWorker,
  type GatewayPace,
  type GatewayWorker,
} from '../../src/gateway/worker-process.ts';
import type { Store } from '../../src/store/ports.ts';
import { noTracing, type Tracing } from '../../src/tracing/tracing.ts';
import { eventually } from '../beds/eventually.ts';
import { fakeRoutes, type FakeRoutes } from '../fakes/routes.ts';

/** A gateway on real sockets, with routes and use in memory and a little API behind it. */
export interface GatewayBed {
  port: number;
  consolePort: number;
  store: FakeRoutes;
  api: FakeApi;
  worker: GatewayWorker;
  data: string;
  url: (path: string) => string;
  /** Ends the gateway at once, as a crash would leave its visitors. */
  close: () => Promise<void>;
}

interface FakeApi {
  port: number;
  wakes: { app: string; body: unknown; authorization: string | undefined }[];
  /** What the internal wake answers. */
  wakeStatus: number;
  logLines: string[];
  logReads: number;
  /** Others than internal ones. */
  requests: { url: string; headers: http.IncomingHttpHeaders }[];
  close(): Promise<void>;
}

const opened: (() => Promise<void>)[] = [];

/** Closes everything the beds of this file opened; for `afterEach`. */
export async function closeBeds(): Promise<void> {
  for (const close of opened.splice(0).reverse()) await close();
}

export async function openGateway(
  options: {
    settings?: Record<string, string>;
    pace?: Partial<GatewayPace>;
    store?: FakeRoutes;
    /** Other ports than the fake's. */
    ports?: Pick<Store, 'routes' | 'use' | 'access'>;
    /** What its processes share. */
    secret?: string;
    /** Ports to listen on; free ones when left out. */
    listenOn?: { console: number; apps: number };
    data?: string;
    tracing?: Tracing;
  } = {},
): Promise<GatewayBed> {
  const api = await openApi();
  const ownData = options.data ?? (await mkdtemp(join(tmpdir(), 'labkeeper-gateway-')));
  const secretFile = join(ownData, 'internal-token');
  if (options.secret !== undefined) await writeFile(secretFile, options.secret);
  const config = loadConfig({
    ...(options.secret === undefined ? {} : { LABKEEPER_INTERNAL_TOKEN_FILE: secretFile }),
    LABKEEPER_DATA: ownData,
    LABKEEPER_API_URL: `http://127.0.0.1:${api.port}`,
    LABKEEPER_ACTIVITY_INTERVAL_MS: '30',
    LABKEEPER_DRAIN_MS: '100',
    ...options.settings,
  });
  const store = options.store ?? fakeRoutes();
  const worker = await startGatewayWorker({
    config,
    log: pino({ level: 'silent' }),
    store: options.ports ?? store,
    metrics: createMetrics(gatewayMetrics),
    tracing: options.tracing ?? noTracing,
    id: `gateway-${Math.random().toString(36).slice(2)}`,
    listener: 'test',
    ports: options.listenOn ?? { console: 0, apps: 0 },
    consoleUrl: publicUrls(config, options.listenOn ?? { console: 0, apps: 0 }).console,
    pace: { seenEveryMs: 50, retryMs: 30, lookEveryMs: 20, snapshotEveryMs: 20, ...options.pace },
  });
  let over = false;
  const close = async () => {
    if (over) return;
    over = true;
    await worker.drain();
    await api.close();
    if (options.data === undefined) await rm(ownData, { recursive: true, force: true });
  };
  opened.push(close);
  return {
    port: worker.ports.apps,
    consolePort: worker.ports.console,
    store,
    api,
    worker,
    data: ownData,
    url: (path) => `http://127.0.0.1:${worker.ports.apps}${path}`,
    close,
  };
}

async function openApi(): Promise<FakeApi> {
  const server = http.createServer((request, response) => {
    const wake = /^\/internal\/apps\/([^/]+)\/wake$/.exec(request.url ?? '');
    const tail = /^\/internal\/apps\/([^/]+)\/log-tail$/.exec(request.url ?? '');
    let text = '';
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    request.on('end', () => {
      if (wake !== null) {
        const { authorization } = request.headers;
        api.wakes.push({ app: wake[1] ?? '', body: JSON.parse(text), authorization });
        response.writeHead(api.wakeStatus, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ detail: 'said the API' }));
      } else if (tail !== null) {
        api.logReads += 1;
        response.end(JSON.stringify({ lines: api.logLines }));
      } else {
        api.requests.push({ url: request.url ?? '', headers: request.headers });
        response.setHeader('x-seen-host', request.headers.host ?? '');
        response.end(`api ${request.method} ${request.url}`);
      }
    });
  });
  const port = await listenOn(server);
  const api: FakeApi = {
    port,
    wakes: [],
    wakeStatus: 202,
    logLines: [],
    logReads: 0,
    requests: [],
    close: () => stop(server),
  };
  return api;
}

/** Waits until the gateway sees the app in this status. */
export async function untilStatus(bed: GatewayBed, app: string, status: string): Promise<void> {
  await eventually(async () => {
    const answer = await fetch(bed.url(`/app/${app}/.labkeeper/state`));
    const news = (await answer.json()) as { status: string };
    if (news.status !== status) throw new Error(`${app} is ${news.status}`);
  });
}

/** A request with the very headers a browser sends; `fetch` sets some of them by itself. */
export function browse(
  url: string,
  headers: Record<string, string> = { ...navigation },
  method = 'GET',
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers, agent: false, lookup: toLoopback });
    request.on('error', reject);
    request.on('response', (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const status = answer.statusCode ?? 0;
        const bodyless = status === 204 || status === 304;
        const got = new Headers(
          Object.entries(answer.headers).map(([name, value]) => [name, String(value)]),
        );
        resolve(new Response(bodyless ? null : Buffer.concat(chunks), { status, headers: got }));
      });
    });
    request.end();
  });
}

/** Names below `localhost` are this machine, as browsers know; not every resolver does. */
const toLoopback: net.LookupFunction = (_host, options, found) => {
  if (options.all === true) found(null, [{ address: '127.0.0.1', family: 4 }]);
  else found(null, '127.0.0.1', 4);
};

/** What Chromium sends when a person opens a page. */
export const navigation: Readonly<Record<string, string>> = {
  accept: 'text/html,application/xhtml+xml',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
  'sec-fetch-site': 'none',
};

/** An app behind the gateway; closed with the beds. */
export async function openApp(
  handle: (request: http.IncomingMessage, response: http.ServerResponse) => void,
): Promise<{ port: number; server: http.Server; close(): Promise<void> }> {
  const server = http.createServer(handle);
  const port = await listenOn(server);
  const close = () => stop(server);
  opened.push(close);
  return { port, server, close };
}

/** An app that is a bare socket: for answers no HTTP library would give. */
export async function openRawApp(
  handle: (socket: net.Socket) => void,
): Promise<{ port: number; sockets: Set<net.Socket>; close(): Promise<void> }> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    handle(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  opened.push(close);
  return { port: portOf(server), sockets, close };
}

/** A visitor that speaks bytes. */
export interface RawVisitor {
  socket: net.Socket;
  /** All bytes received so far, as latin1. */
  text(): string;
  send(text: string | Buffer): void;
  /** Resolves once the text received satisfies the condition; rejects when the socket ends first. */
  until(condition: (text: string) => boolean): Promise<string>;
  /** Resolves with everything received when the socket is closed. */
  closed: Promise<string>;
}

export async function openVisitor(port: number): Promise<RawVisitor> {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let text = '';
  let over = false;
  const checks = new Set<() => void>();
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1');
    for (const check of checks) check();
  });
  socket.on('error', () => socket.destroy());
  socket.on('end', () => socket.end());
  const closed = new Promise<string>((resolve) => {
    socket.on('close', () => {
      over = true;
      for (const check of checks) check();
      resolve(text);
    });
  });
  opened.push(async () => {
    socket.destroy();
  });
  await once(socket, 'connect');
  return {
    socket,
    closed,
    text: () => text,
    send: (bytes) => void socket.write(bytes, 'latin1'),
    until: (condition) =>
      new Promise((resolve, reject) => {
        const check = () => {
          if (condition(text)) resolve(text);
          else if (over) reject(new Error(`the socket was closed after: ${JSON.stringify(text)}`));
          else return;
          checks.delete(check);
        };
        checks.add(check);
        check();
      }),
  };
}

/** Sends bytes and gives everything that came back by the time the socket was closed. */
export async function talk(port: number, text: string): Promise<string> {
  const visitor = await openVisitor(port);
  visitor.send(text);
  return visitor.closed;
}

export const body = (text: string): string => text.slice(text.indexOf('\r\n\r\n') + 4);

async function listenOn(server: http.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return portOf(server);
}

function portOf(server: net.Server): number {
  const address = server.address();
  if (typeof address === 'object' && address !== null) return address.port;
  throw new Error('the server is not bound');
}

async function stop(server: http.Server): Promise<void> {
  server.closeAllConnections();
  if (server.listening) await new Promise((resolve) => server.close(resolve));
}
