import { errorAnswer } from './http/answer.ts';
import { answer, finish, type Exchange } from './http/connection.ts';
import type { AppNews } from './view.ts';

/** Open event streams of waiting pages and tabs: news of an app as it changes. */
export interface NewsHub {
  maxStreams: number;
  open: number;
  byApp: Map<string, Set<Stream>>;
  heartbeat: NodeJS.Timeout;
}

interface Stream {
  exchange: Exchange;
  last: string;
  /** The stream of a waiting page: somebody waits for the app. */
  waits: boolean;
}

export function createHub(maxStreams: number): NewsHub {
  const hub: NewsHub = {
    maxStreams,
    open: 0,
    byApp: new Map(),
    heartbeat: setInterval(() => beat(hub), 20_000).unref(),
  };
  return hub;
}

/** Answers with a stream that begins with `news`. `onEnd` is called once when it is over. */
export function stream(
  hub: NewsHub,
  exchange: Exchange,
  news: AppNews,
  options: { waits: boolean; onEnd: () => void },
): void {
  if (hub.open >= hub.maxStreams) {
    const why = `${hub.maxStreams} event streams are open already (LABKEEPER_MAX_EVENT_STREAMS)`;
    answer(exchange, errorAnswer(exchange.head, 503, why, { retryAfterSeconds: 10 }));
    options.onEnd();
    return;
  }
  const { app } = news;
  const entry: Stream = { exchange, last: '', waits: options.waits };
  hub.open += 1;
  let set = hub.byApp.get(app);
  if (set === undefined) {
    set = new Set();
    hub.byApp.set(app, set);
  }
  set.add(entry);
  exchange.answering = true;
  exchange.onAbort = () => {
    drop(hub, app, entry);
    options.onEnd();
  };
  exchange.connection.socket.write(streamHead, 'latin1');
  exchange.connection.socket.write('retry: 2000\n\n', 'latin1');
  send(entry, news);
}

/** Tells everybody who watches the app. */
export function publish(hub: NewsHub, news: AppNews): void {
  const set = hub.byApp.get(news.app);
  if (set === undefined) return;
  for (const entry of set) send(entry, news);
}

export function isWatched(hub: NewsHub, app: string): boolean {
  return hub.byApp.has(app);
}

export function isWaitedFor(hub: NewsHub, app: string): boolean {
  for (const entry of hub.byApp.get(app) ?? []) if (entry.waits) return true;
  return false;
}

/** Ends all streams; browsers come back by themselves, to whoever listens then. */
export function closeHub(hub: NewsHub): void {
  clearInterval(hub.heartbeat);
  for (const [app, set] of hub.byApp) endStreams(hub, app, set);
}

/** The app is gone: its streams end. */
export function dropApp(hub: NewsHub, app: string): void {
  const set = hub.byApp.get(app);
  if (set !== undefined) endStreams(hub, app, set);
}

/** The end of the connection frames the body: a stream has no other end. */
const streamHead =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n' +
  'X-Accel-Buffering: no\r\nConnection: close\r\n\r\n';
const maxUnreadBytes = 64 * 1024;

function send(entry: Stream, news: AppNews): void {
  const text = JSON.stringify(news);
  if (text === entry.last) return;
  entry.last = text;
  write(entry, `data: ${text}\n\n`);
}

function write(entry: Stream, text: string): void {
  const { socket } = entry.exchange.connection;
  // A reader that does not read costs memory; it comes back when it does.
  if (socket.writableLength > maxUnreadBytes) socket.destroy();
  else socket.write(text);
}

function beat(hub: NewsHub): void {
  for (const set of hub.byApp.values()) for (const entry of set) write(entry, ': still here\n\n');
}

function endStreams(hub: NewsHub, app: string, set: Set<Stream>): void {
  for (const entry of set) {
    const { onAbort } = entry.exchange;
    entry.exchange.onAbort = null;
    onAbort?.();
    drop(hub, app, entry);
    finish(entry.exchange, false);
  }
}

function drop(hub: NewsHub, app: string, entry: Stream): void {
  const set = hub.byApp.get(app);
  if (set === undefined || !set.delete(entry)) return;
  hub.open -= 1;
  if (set.size === 0) hub.byApp.delete(app);
}
