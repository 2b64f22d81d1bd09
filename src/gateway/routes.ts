import { effectivePreset, innerBasePath } from '../model/app-spec.ts';
import { statusOf, type AppStatus } from '../model/app-view.ts';
import type { Preset } from '../model/presets.ts';
import type { VisitRules } from '../model/visit.ts';
import type { Log } from '../log.ts';
import type { AppRoute, RouteStore } from '../store/ports.ts';

/** What the gateway knows of one app, ready for use at every request. */
export interface Entry {
  route: AppRoute;
  preset: Preset;
  /** The path below which the app believes to be served. */
  inner: string;
  rules: VisitRules;
  status: AppStatus;
  /** The route as text, to see whether a re-read changed anything. */
  text: string;
  /** Which read it is from: an older one never replaces a newer one. */
  read: number;
  /** The target of this generation refused a connection; its agent will soon say why. */
  suspectGeneration: number | null;
}

/**
 * All routes in memory. The store fills it and keeps it; it outlives the store: while that does not
 * answer, the last routes stand, and those of a snapshot until the first answer.
 */
export interface Routes {
  entries: Map<string, Entry>;
  /** Told after an app's entry changed; null when the app is gone. */
  watchers: Set<(app: string, entry: Entry | null) => void>;
  /** True once the store has answered. */
  filled: boolean;
  /** When all were last read, by `performance.now()`; the start before that. */
  readAllAtMs: number;
  storeReachable: boolean;
  /** The trouble was logged: once is enough. */
  complained: boolean;
  /** Counts reads of the store as they begin. */
  reads: number;
  reading: Map<string, Promise<Entry | null>>;
  readingAll: Promise<void> | null;
  allAgain: boolean;
  again: Set<string>;
  unknownUntilMs: Map<string, number>;
  /** Names by what families of old clients call them: `<family> <id>`. */
  aliases: Map<string, string>;
  store: RouteStore;
  log: Log;
}

export function createRoutes(store: RouteStore, log: Log, snapshot: readonly AppRoute[]): Routes {
  const routes: Routes = {
    entries: new Map(),
    watchers: new Set(),
    filled: false,
    readAllAtMs: performance.now(),
    storeReachable: false,
    complained: false,
    reads: 0,
    reading: new Map(),
    readingAll: null,
    allAgain: false,
    again: new Set(),
    unknownUntilMs: new Map(),
    aliases: new Map(),
    store,
    log,
  };
  for (const route of snapshot) {
    routes.entries.set(route.app, entryOf(route, 0));
    nameAliases(routes, route);
  }
  return routes;
}

/** Fills the cache and keeps it until `signal`; resolves after the first attempt. */
export async function keepRoutes(
  routes: Routes,
  signal: AbortSignal,
  pace: { readEveryMs: number; retryMs: number } = { readEveryMs: 30_000, retryMs: 1_000 },
): Promise<void> {
  subscribe(routes, signal, pace.retryMs);
  await readAll(routes);
  const loop = async () => {
    while (!signal.aborted) {
      await pause(routes.storeReachable ? pace.readEveryMs : pace.retryMs, signal);
      if (!signal.aborted) await readAll(routes);
    }
  };
  void loop();
}

/** Reads one app again; joins a read that goes on only if it began after this call. */
export function reread(routes: Routes, app: string): Promise<Entry | null> {
  const reading = routes.reading.get(app);
  if (reading !== undefined) {
    // The one under way may have read before what we heard of: read once more after it.
    routes.again.add(app);
    return reading;
  }
  const next = readOne(routes, app).finally(() => routes.reading.delete(app));
  routes.reading.set(app, next);
  return next;
}

/**
 * An app that is not in the cache may have been registered a moment ago: asks the store once, and
 * not again for a second.
 */
export async function lookUp(routes: Routes, app: string): Promise<Entry | null> {
  const nowMs = Date.now();
  if ((routes.unknownUntilMs.get(app) ?? 0) > nowMs) return null;
  if (routes.reading.size >= maxLookUps) return null;
  if (routes.unknownUntilMs.size >= maxUnknown) routes.unknownUntilMs.clear();
  routes.unknownUntilMs.set(app, nowMs + 1_000);
  return await reread(routes, app);
}

/** The app that a family calls so; asks the store once when nobody is known by that id. */
export async function lookUpAlias(
  routes: Routes,
  family: string,
  id: string,
): Promise<Entry | null> {
  const alias = aliasKey(family, id);
  const known = routes.aliases.get(alias);
  if (known !== undefined) return routes.entries.get(known) ?? lookUp(routes, known);
  const nowMs = Date.now();
  if ((routes.unknownUntilMs.get(alias) ?? 0) > nowMs) return null;
  if (routes.reading.size >= maxLookUps) return null;
  if (routes.unknownUntilMs.size >= maxUnknown) routes.unknownUntilMs.clear();
  const reading = routes.reading.get(alias) ?? readAlias(routes, family, id);
  routes.reading.set(alias, reading);
  return await reading;
}

async function readAlias(routes: Routes, family: string, id: string): Promise<Entry | null> {
  const alias = aliasKey(family, id);
  try {
    const route = await routes.store.findAlias(family, id);
    reached(routes);
    if (route !== null) return put(routes, route);
    routes.unknownUntilMs.set(alias, Date.now() + 1_000);
    return null;
  } catch (error) {
    unreached(routes, error);
    return null;
  } finally {
    routes.reading.delete(alias);
  }
}

/** The app of an alias that is known already; at once. */
export function entryOfAlias(routes: Routes, family: string, id: string): Entry | undefined {
  const app = routes.aliases.get(aliasKey(family, id));
  return app === undefined ? undefined : routes.entries.get(app);
}

export function suspect(routes: Routes, entry: Entry): void {
  const generation = entry.route.target?.generation ?? null;
  if (generation === null || entry.suspectGeneration === generation) return;
  entry.suspectGeneration = generation;
  tell(routes, entry.route.app, entry);
}

export function trust(routes: Routes, entry: Entry): void {
  if (entry.suspectGeneration === null) return;
  entry.suspectGeneration = null;
  tell(routes, entry.route.app, entry);
}

/** Something to forward to, as far as is known. */
export function isOpen(entry: Entry): boolean {
  const { target } = entry.route;
  return target !== null && entry.suspectGeneration !== target.generation;
}

/** Puts a route into the cache, as if it had been read just now (or by read number `read`). */
export function put(routes: Routes, route: AppRoute, read = (routes.reads += 1)): Entry {
  const before = routes.entries.get(route.app);
  if (before !== undefined && before.read > read) return before;
  const text = JSON.stringify(route);
  if (before?.text === text) {
    before.read = read;
    return before;
  }
  const entry = entryOf(route, read, text);
  if (before !== undefined && before.suspectGeneration === route.target?.generation) {
    entry.suspectGeneration = before.suspectGeneration;
  }
  routes.entries.set(route.app, entry);
  nameAliases(routes, route);
  routes.unknownUntilMs.delete(route.app);
  tell(routes, route.app, entry);
  return entry;
}

const maxLookUps = 50;
const maxUnknown = 10_000;

function entryOf(route: AppRoute, read: number, text = JSON.stringify(route)): Entry {
  const preset = effectivePreset(route.spec, route.learned);
  return {
    route,
    preset,
    inner: innerBasePath(route.app, route.spec),
    rules: {
      ignoredPaths: preset.ignoredPaths,
      polledPaths: preset.polledPaths,
      ignoredAgents: route.spec.ignoredAgents,
    },
    status: statusOf(route.condition),
    text,
    read,
    suspectGeneration: null,
  };
}

function tell(routes: Routes, app: string, entry: Entry | null): void {
  for (const watcher of routes.watchers) watcher(app, entry);
}

function readAll(routes: Routes): Promise<void> {
  routes.allAgain = routes.readingAll !== null;
  routes.readingAll ??= readAllOnce(routes).finally(() => {
    routes.readingAll = null;
    // Something changed while the list was on its way.
    if (routes.allAgain) void readAll(routes);
  });
  return routes.readingAll;
}

async function readAllOnce(routes: Routes): Promise<void> {
  const read = (routes.reads += 1);
  try {
    const all = await routes.store.all();
    reached(routes);
    const present = new Set<string>();
    // The list may be older than a route that was read alone meanwhile. Taking a route away cuts
    // WebSockets, so only a reading of that app, which waits its turn, may do it.
    const hasTarget = (app: string) => Boolean(routes.entries.get(app)?.route.target);
    for (const route of all) {
      present.add(route.app);
      if (route.target === null && hasTarget(route.app)) void reread(routes, route.app);
      else put(routes, route, read);
    }
    for (const [app, entry] of routes.entries) {
      if (present.has(app) || entry.read > read) continue;
      if (hasTarget(app)) void reread(routes, app);
      else remove(routes, app);
    }
    routes.filled = true;
    routes.readAllAtMs = performance.now();
  } catch (error) {
    unreached(routes, error);
  }
}

async function readOne(routes: Routes, app: string): Promise<Entry | null> {
  for (;;) {
    routes.again.delete(app);
    const read = (routes.reads += 1);
    let route: AppRoute | null;
    try {
      route = await routes.store.find(app);
    } catch (error) {
      unreached(routes, error);
      return routes.entries.get(app) ?? null;
    }
    reached(routes);
    if (route === null) remove(routes, app);
    else put(routes, route, read);
    if (!routes.again.has(app)) return routes.entries.get(app) ?? null;
  }
}

function remove(routes: Routes, app: string): void {
  if (!routes.entries.delete(app)) return;
  for (const [alias, name] of routes.aliases) if (name === app) routes.aliases.delete(alias);
  tell(routes, app, null);
}

/** Aliases are given once and go with their app. */
function nameAliases(routes: Routes, { app, aliases }: AppRoute): void {
  for (const { family, id } of aliases) {
    routes.aliases.set(aliasKey(family, id), app);
    routes.unknownUntilMs.delete(aliasKey(family, id));
  }
}

const aliasKey = (family: string, id: string): string => `${family} ${id}`;

function subscribe(routes: Routes, signal: AbortSignal, retryMs: number): void {
  const onChange = (app: string | null) => {
    if (app === null) void readAll(routes);
    else void reread(routes, app);
  };
  const attempt = async () => {
    while (!signal.aborted) {
      try {
        await routes.store.listen(onChange, signal);
        return;
      } catch (error) {
        unreached(routes, error);
        await pause(retryMs, signal);
      }
    }
  };
  void attempt();
}

function reached(routes: Routes): void {
  if (!routes.storeReachable) routes.log.info('routes are read from the database');
  routes.storeReachable = true;
  routes.complained = false;
}

function unreached(routes: Routes, error: unknown): void {
  if (!routes.complained) {
    const apps = routes.entries.size;
    routes.log.warn({ apps, err: error }, 'cannot read routes: serving the last ones known');
  }
  routes.complained = true;
  routes.storeReachable = false;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
