import net from 'node:net';
import { dropApp, isWaitedFor, publish, type NewsHub } from './events.ts';
import { isHeld, releaseHeld, type Holds } from './hold.ts';
import { trust, type Entry, type Routes } from './routes.ts';
import type { UseLedger } from './use.ts';
import { newsOf, type AppNews } from './view.ts';
import { renderWaitingPage, type WaitingPage } from './waiting-page.ts';
import { settleWake, type PostToApi, type Waker } from './wake.ts';

/**
 * Keeps waiting people informed: news to pages and tabs, rendered waiting pages, last log lines of a
 * starting app, and a look whether an app that refused connections is back.
 */
export interface Watch {
  hub: NewsHub;
  newsOf(entry: Entry): AppNews;
  /** Somebody waits for the app: looks after it until nobody does. */
  attend(app: string): void;
  /** Something about the app changed: pages are rendered anew, streams are told. */
  changed(app: string): void;
  /** By app and base. */
  pages: Map<string, Map<string, WaitingPage>>;
  /** Apps somebody waits for, for metrics. */
  attended: Map<string, Attendance>;
  close(): void;
}

interface Attendance {
  timer: NodeJS.Timeout;
  lines: readonly string[];
  busy: boolean;
}

export function createWatch(options: {
  routes: Routes;
  hub: NewsHub;
  holds: Holds;
  waker: () => Waker;
  ledger: UseLedger;
  post: PostToApi;
  /** How often a waiting app is looked at. */
  everyMs: number;
}): Watch {
  const { routes, hub, holds } = options;
  const pages: Watch['pages'] = new Map();
  const attended = new Map<string, Attendance>();

  const news = (entry: Entry) => {
    const { app } = entry.route;
    return newsOf(
      entry,
      options.waker().states.get(app),
      options.ledger.apps.get(app),
      attended.get(app)?.lines ?? [],
    );
  };
  const changed = (app: string) => {
    pages.delete(app);
    const entry = routes.entries.get(app);
    if (entry !== undefined) publish(hub, news(entry));
  };
  const look = async (app: string, attendance: Attendance) => {
    const entry = routes.entries.get(app);
    const awaited = isHeld(holds, app) || isWaitedFor(hub, app);
    if (entry === undefined || !awaited) {
      clearInterval(attendance.timer);
      attended.delete(app);
      return;
    }
    if (attendance.busy) return;
    attendance.busy = true;
    const { target } = entry.route;
    if (target !== null && entry.suspectGeneration === target.generation) {
      if (await accepts(target.address, target.port)) trust(routes, entry);
    } else if (entry.status === 'starting' || entry.status === 'restarting') {
      const lines = await lastLines(options.post, app);
      if (lines !== null && lines.join('\n') !== attendance.lines.join('\n')) {
        attendance.lines = lines;
        changed(app);
      }
    }
    attendance.busy = false;
  };
  routes.watchers.add((app, entry) => {
    if (entry === null) {
      dropApp(hub, app);
      releaseHeld(holds, app);
      settleWake(options.waker(), app);
      changed(app);
      return;
    }
    if (hasAnswered(entry)) settleWake(options.waker(), app);
    changed(app);
    releaseHeld(holds, app);
  });
  return {
    hub,
    newsOf: news,
    pages,
    attended,
    changed,
    attend(app) {
      if (attended.has(app)) return;
      const attendance: Attendance = {
        timer: setInterval(() => void look(app, attendance), options.everyMs).unref(),
        lines: [],
        busy: false,
      };
      attended.set(app, attendance);
    },
    close() {
      for (const { timer } of attended.values()) clearInterval(timer);
      attended.clear();
    },
  };
}

/** The waiting page of an app as it is now; rendered once per change. */
export function pageOf(watch: Watch, entry: Entry, base: string): WaitingPage {
  const { app } = entry.route;
  const pages = watch.pages.get(app) ?? new Map<string, WaitingPage>();
  watch.pages.set(app, pages);
  const page = pages.get(base) ?? renderWaitingPage(watch.newsOf(entry), base);
  pages.set(base, page);
  return page;
}

/**
 * What a change says of a wish to wake: it was heard, is not needed any more, or was refused before anything
 * started, and then the app says why.
 */
function hasAnswered({ status, route }: Entry): boolean {
  if (status === 'ready') return route.target !== null;
  return status === 'starting' || status === 'restarting' || status === 'failed';
}

const maxLines = 20;

/** Null when the API does not say: the lines shown stay. */
async function lastLines(post: PostToApi, app: string): Promise<readonly string[] | null> {
  try {
    const { status, body } = await post('GET', `/internal/apps/${app}/log-tail`, undefined);
    if (status !== 200) return null;
    const parsed: unknown = JSON.parse(body);
    const lines: unknown =
      typeof parsed === 'object' && parsed !== null && 'lines' in parsed ? parsed.lines : parsed;
    if (!Array.isArray(lines)) return null;
    return lines.slice(-maxLines).map((line) => String(line).slice(0, 400));
  } catch {
    // Log lines are a courtesy: the page says what it knows without them.
    return null;
  }
}

function accepts(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: address, port, timeout: 1_000 });
    const answer = (yes: boolean) => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('connect', () => answer(true));
    socket.once('timeout', () => answer(false));
    socket.once('error', () => answer(false));
  });
}
