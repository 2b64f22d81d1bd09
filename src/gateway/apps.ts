import { answerVisit, isNoise, isPoll } from '../model/visit.ts';
import type { Log } from '../log.ts';
import type { Access } from './access/access.ts';
import { admit } from './access/admit.ts';
import { whoIs, type Pass } from './access/pass.ts';
import { climbs, keepPlace, locate, type Place } from './address.ts';
import { reopen, type Closing } from './closing.ts';
import { ownDialect, type Dialect } from './dialect.ts';
import type { GatewayCounts } from './counts.ts';
import { forward, type ForwardFailure } from './forward.ts';
import { personLinesOf, requestHeadFor } from './headers.ts';
import { hold, type Holds } from './hold.ts';
import { redirect } from './http/answer.ts';
import { answer, type Exchange } from './http/connection.ts';
import { headerOf } from './http/head.ts';
import { bodyless, isEventStream, isNavigation, reasonOf, shortPath, visitOf } from './request.ts';
import { believeProxy, type TrustedProxies } from './proxies.ts';
import { isEntrance, isReserved, serveReserved } from './reserved.ts';
import { isOpen, lookUp, reread, suspect, trust, type Entry, type Routes } from './routes.ts';
import { joinSockets, type Sockets } from './sockets.ts';
import { tabTag, takesTag } from './tab-script.ts';
import type { UpstreamPool } from './upstream.ts';
import { noteCounts, noteUse, useOf, type UseLedger } from './use.ts';
import { traceForward } from './trace-forward.ts';
import { traceOfVisit, visitBegins, visitEnds, type Visits } from './visits.ts';
import { wake, type Waker } from './wake.ts';
import { waitingAnswer } from './waiting-page.ts';
import { pageOf, type Watch } from './watch.ts';

/** What serving apps needs; made once a process. */
export interface AppGateway {
  routes: Routes;
  pool: UpstreamPool;
  ledger: UseLedger;
  closing: Closing;
  waker: Waker;
  holds: Holds;
  watch: Watch;
  sockets: Sockets;
  log: Log;
  visits: Visits;
  access: Access;
  proxies: TrustedProxies;
  /** Finds the app that a host name is of. */
  hostForm: RegExp;
  counts: GatewayCounts;
}

/** Serves one request of the apps listener. */
export function serveApp(gateway: AppGateway, exchange: Exchange): void {
  const { head } = exchange;
  believeProxy(gateway.proxies, exchange);
  const place = locate(head.host, head.path, gateway.hostForm);
  if (place === null) {
    unknown(gateway, exchange, ownDialect, 'no app has this address');
    return;
  }
  const entry = gateway.routes.entries.get(place.app);
  if (entry !== undefined) {
    serveEntry(gateway, exchange, place, { entry, dialect: ownDialect });
    return;
  }
  void lookUp(gateway.routes, place.app).then((found) => {
    if (exchange.over) return;
    if (found === null) serveUnknown(gateway, exchange, place);
    else serveEntry(gateway, exchange, place, { entry: found, dialect: ownDialect });
  });
}

/** Where people log in, a visitor without proof cannot tell a name that no app has from any other. */
function serveUnknown(gateway: AppGateway, exchange: Exchange, place: Place): void {
  const notThere = () => unknownName(gateway, exchange, ownDialect, place.app);
  if (gateway.access.mode === 'open') notThere();
  else if (!place.rest.startsWith('/')) withSlash(exchange, place);
  else admit(gateway, exchange, place, null, notThere);
}

function withSlash(exchange: Exchange, place: Place): void {
  const location = `${place.base}/${place.rest}`;
  answer(exchange, redirect(bodyless(exchange.head) ? 301 : 308, location));
}

/** A request with all that was found out about it. */
interface AppRequest {
  exchange: Exchange;
  place: Place;
  /** Who visits. */
  pass: Pass;
  dialect: Dialect;
  /** Never use, never wakes. */
  noise: boolean;
  /** How often a target cut it off without an answer. */
  cuts: number;
  /** By when a held request must be answered; 0 while it was not held. */
  heldUntilMs: number;
}

/** Serves one request whose app is known, whichever way it came. */
export function serveEntry(
  gateway: AppGateway,
  exchange: Exchange,
  found: Place,
  { entry, dialect }: { entry: Entry; dialect: Dialect },
): void {
  const { head } = exchange;
  const keeps = entry.preset.prefixMode === 'keep';
  const place = keeps ? keepPlace(found, entry.inner) : found;
  if (place === null) {
    // On its own host an app that keeps its prefix lives below it.
    const below = () =>
      answer(exchange, redirect(bodyless(head) ? 307 : 308, `${entry.inner}${head.path}`));
    if (isReserved(head.path)) below();
    else admit(gateway, exchange, { ...found, base: entry.inner }, entry, below);
    return;
  }
  if (!place.rest.startsWith('/')) {
    withSlash(exchange, place);
    return;
  }
  if (climbs(place.rest)) {
    answer(exchange, dialect.error(head, 400, 'the path leads out of the app'));
    return;
  }
  if (isEntrance(place.rest)) {
    serveReserved(gateway, exchange, place, entry);
    return;
  }
  admit(gateway, exchange, place, entry, (pass) => {
    // It may have taken a moment to find out.
    const now = gateway.routes.entries.get(place.app) ?? entry;
    serveAdmitted(gateway, { exchange, place, pass, dialect, entry: now });
  });
}

function serveAdmitted(
  gateway: AppGateway,
  {
    entry,
    ...asked
  }: Pick<AppRequest, 'exchange' | 'place' | 'pass' | 'dialect'> & { entry: Entry },
): void {
  const { exchange, place } = asked;
  if (isReserved(place.rest)) {
    serveReserved(gateway, exchange, place, entry);
    return;
  }
  const userAgent = headerOf(exchange.head, 'user-agent');
  const visit = { method: exchange.head.method, path: place.rest, userAgent };
  const noise = isNoise(visit, entry.rules) || isPoll(visit, entry.rules);
  serve(gateway, { ...asked, noise, cuts: 0, heldUntilMs: 0 }, entry);
}

function serve(gateway: AppGateway, request: AppRequest, entry: Entry): void {
  const { target } = entry.route;
  if (target === null) {
    serveWithoutTarget(gateway, request, entry);
    return;
  }
  // A new socket is no use by itself, and noise never is: both may see the last of a closing app.
  const counts = !request.noise && !request.exchange.head.upgrade;
  if (target.state === 'open' || !counts) {
    send(gateway, request, entry);
    return;
  }
  let left = false;
  request.exchange.onAbort = () => {
    left = true;
  };
  void reopen(gateway.closing, entry).then((outcome) => {
    if (left) return;
    request.exchange.onAbort = null;
    const current = gateway.routes.entries.get(entry.route.app) ?? entry;
    if (outcome === 'unknown') send(gateway, request, entry);
    else if (outcome === 'open') send(gateway, request, current.route.target ? current : entry);
    else serve(gateway, request, withoutTarget(current));
  });
}

/** The stop won: whatever the cache says, there is nothing to forward to until it is read again. */
function withoutTarget(entry: Entry): Entry {
  const { target } = entry.route;
  if (target === null || target.state === 'open') return entry;
  return { ...entry, route: { ...entry.route, target: null } };
}

function send(gateway: AppGateway, request: AppRequest, entry: Entry): void {
  const { exchange, place, dialect, noise } = request;
  const { head } = exchange;
  const { target } = entry.route;
  if (target === null) {
    serveWithoutTarget(gateway, request, entry);
    return;
  }
  const inner = entry.preset.prefixMode === 'strip' ? '' : entry.inner;
  const stripped = inner === '' ? place.base : dialect.mount;
  const tagged = entry.preset.tabScript && isNavigation(head);
  const use = useOf(gateway.ledger, place.app);
  const counts = !noise && !head.upgrade;
  let streaming = false;
  if (counts) {
    noteCounts(use, { inFlight: 1 });
    noteUse(gateway.ledger, use, reasonOf(head));
  }
  const release = () => {
    if (streaming) noteCounts(use, { openSockets: -1 });
    else if (counts) {
      noteCounts(use, { inFlight: -1 });
      noteUse(gateway.ledger, use, reasonOf(head));
    }
  };
  gateway.counts.requests.forwarded.add();
  const sentMs = performance.now();
  const trace = traceForward(gateway.visits.tracing, gateway.visits, place.app, head);
  const answeredWith = (status: number) => {
    gateway.counts.answered(status, performance.now() - sentMs);
    trace.span?.end({ attributes: { 'http.response.status_code': status } });
  };
  forward({
    exchange,
    pool: gateway.pool,
    target,
    head: requestHeadFor(head, {
      path: `${inner}${place.rest}`,
      visitor: exchange.side,
      prefix: stripped,
      dropOwnCookies: true,
      personHeader: gateway.proxies.personHeader,
      personLines: personLinesOf(whoIs(request.pass), entry.route.spec.space),
      identity: tagged,
      traceparent: trace.traceparent,
    }),
    rewrite: {
      base: place.base,
      inner,
      host: head.host,
      dropOwnCookies: true,
      addedLines: dialect.answerLines,
    },
    addition: (answered) => (tagged && takesTag(answered) ? tabTag(place.base) : null),
    onHead: (answered) => {
      answeredWith(answered.status);
      if (counts) visitEnds(gateway.visits, place.app, answered.status);
      if (entry.suspectGeneration !== null) trust(gateway.routes, entry);
      // A stream is a connection like a WebSocket: open, but no use for as long as it lasts.
      if (isEventStream(answered) && !streaming) {
        streaming = true;
        noteCounts(use, { openSockets: 1, inFlight: counts ? -1 : 0 });
      }
    },
    onEnd: () => {
      release();
      trace.span?.end({ failure: 'left' });
    },
    onFailure: (failure) => {
      release();
      trace.span?.end({ failure: failure.kind });
      failed(gateway, request, entry, failure);
    },
    onSwitch: (upstream, switchHead, behind) => {
      answeredWith(101);
      const { pass } = request;
      joinSockets(gateway.sockets, exchange, place.app, { upstream, switchHead, behind, pass });
    },
  });
}

/** No answer of the target: the route may be stale, or the app has just died. */
function failed(
  gateway: AppGateway,
  request: AppRequest,
  entry: Entry,
  failure: ForwardFailure,
): void {
  const { exchange, place, dialect } = request;
  if (exchange.over) return;
  gateway.counts.requests.upstreamFailure.add();
  gateway.counts.failures[failure.kind].add();
  gateway.log.debug({ app: place.app, kind: failure.kind, why: failure.why }, 'no answer of app');
  if (failure.kind === 'reset') request.cuts += 1;
  const tellFailure = () => {
    const why = `${entry.route.title ?? place.app} gave no usable answer: ${failure.why}`;
    answer(exchange, dialect.error(exchange.head, 502, why, { retryAfterSeconds: 1 }));
  };
  // Twice cut off, it may be what ends the app: sent on, it would end each new instance.
  if (failure.kind === 'unreadable' || !failure.repeatable || request.cuts > 1) {
    tellFailure();
    return;
  }
  if (failure.kind === 'refused') suspect(gateway.routes, entry);
  let left = false;
  exchange.onAbort = () => {
    left = true;
  };
  void reread(gateway.routes, place.app).then((current) => {
    if (left) return;
    exchange.onAbort = null;
    if (current === null) {
      unknownName(gateway, exchange, dialect, place.app);
      return;
    }
    const moved = current.route.target?.generation !== entry.route.target?.generation;
    const again = failure.kind === 'reset';
    if (current.route.target !== null && (moved || again)) serve(gateway, request, current);
    else if (current.route.target !== null && dialect.tellsRefusals) tellFailure();
    else serveWithoutTarget(gateway, request, current);
  });
}

/** Nothing to forward to: the one table of the model says what the request gets. */
function serveWithoutTarget(gateway: AppGateway, request: AppRequest, entry: Entry): void {
  const { exchange, place, dialect } = request;
  const { head } = exchange;
  const rules = { ...entry.rules, holdsCalls: dialect.holdsCalls };
  switch (request.heldUntilMs > 0 ? 'hold' : answerVisit(visitOf(head, place), rules)) {
    case 'page':
      visitBegins(gateway.visits, place.app, 'page', head);
      wakeIfNeeded(gateway, request, entry, `opened ${shortPath(head)}`);
      page(gateway, request, entry);
      return;
    case 'page-without-wake':
      page(gateway, request, entry);
      return;
    case 'hold':
      visitBegins(gateway.visits, place.app, 'call', head);
      wakeIfNeeded(gateway, request, entry, `called ${shortPath(head)}`);
      holdRequest(gateway, request, entry);
      return;
    case 'refuse':
      notRunning(gateway, request, entry);
  }
}

/** An app that is on its way needs no further wish: no call to the API for a visit. */
function wakeIfNeeded(gateway: AppGateway, request: AppRequest, entry: Entry, why: string): void {
  if (entry.route.target !== null) return;
  const { app } = entry.route;
  if (needsWish.has(entry.status)) {
    const actor = whoIs(request.pass)?.person ?? 'visitor';
    wake(gateway.waker, app, { actor, why, traceparent: traceOfVisit(gateway.visits, app) });
  }
}

/** `ready` without a target: the stop has just won. */
const needsWish: ReadonlySet<Entry['status']> = new Set(['asleep', 'failed', 'stopping', 'ready']);

function page(gateway: AppGateway, request: AppRequest, entry: Entry): void {
  const { exchange, place } = request;
  gateway.counts.requests.waitingPage.add();
  const to = `${place.base}${place.rest}`;
  answer(exchange, waitingAnswer(pageOf(gateway.watch, entry, place.base), to));
}

function holdRequest(gateway: AppGateway, request: AppRequest, entry: Entry): void {
  const { exchange, place } = request;
  if (placeRefusal(gateway, place.app) !== null) {
    notRunning(gateway, request, entry);
    return;
  }
  const nowMs = Date.now();
  if (request.heldUntilMs === 0) request.heldUntilMs = nowMs + entry.route.spec.apiHoldMs;
  const forMs = request.heldUntilMs - nowMs;
  if (forMs <= 0) {
    notRunning(gateway, request, entry);
    return;
  }
  const held = hold(gateway.holds, place.app, exchange, forMs, (outcome) => {
    const current = gateway.routes.entries.get(place.app);
    if (current === undefined) unknownName(gateway, exchange, request.dialect, place.app);
    else if (outcome === 'late') notRunning(gateway, request, current);
    else if (isOpen(current)) serve(gateway, request, current);
    else if (current.status === 'failed' && !gateway.waker.states.has(place.app)) {
      notRunning(gateway, request, current);
    } else holdRequest(gateway, request, current);
  });
  if (held) {
    gateway.counts.requests.held.add();
    gateway.watch.attend(place.app);
    return;
  }
  const why = `${gateway.holds.maxHeld} requests are held already (LABKEEPER_MAX_HELD_REQUESTS)`;
  answer(exchange, request.dialect.error(exchange.head, 503, why, { retryAfterSeconds: 5 }));
}

/** Its space has no place for it: that may last for hours, so a call is told at once instead of held. */
function placeRefusal({ waker }: AppGateway, app: string): string | null {
  const wish = waker.states.get(app);
  return wish?.phase === 'failing' && wish.full ? wish.trouble : null;
}

function notRunning(gateway: AppGateway, request: AppRequest, entry: Entry): void {
  const { exchange, dialect } = request;
  gateway.counts.requests.refused.add();
  const full = dialect.holdsCalls ? placeRefusal(gateway, entry.route.app) : null;
  if (full !== null) {
    const said = { retryAfterSeconds: 10, title: 'Its space has no place for it now' };
    answer(exchange, dialect.error(exchange.head, 429, full, said));
    return;
  }
  const news = gateway.watch.newsOf(entry);
  const why = news.status === 'ready' ? `${news.title} is not answering yet` : news.sentence;
  answer(
    exchange,
    dialect.error(exchange.head, 503, why, {
      retryAfterSeconds: news.status === 'asleep' || news.status === 'failed' ? 30 : 2,
      title: 'App is not running',
    }),
  );
}

function unknownName(gateway: AppGateway, exchange: Exchange, dialect: Dialect, app: string): void {
  unknown(gateway, exchange, dialect, `there is no app named ${app}`);
}

/** Answers what no app stands behind. */
export function unknown(
  gateway: AppGateway,
  exchange: Exchange,
  dialect: Dialect,
  why: string,
): void {
  gateway.counts.requests.unknown.add();
  answer(exchange, dialect.error(exchange.head, 404, why, { title: 'No such app' }));
}
