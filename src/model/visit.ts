/**
 * The one table that says what a request to an app does: forward it, wake the app, hold the
 * request, show the waiting page, or refuse. Gateway and compat families all ask here, so that no
 * text on polls, tabs, bots or API clients can disagree with another.
 */
export interface Visit {
  method: string;
  /** True when the request asks to become a WebSocket. */
  upgrade: boolean;
  /** Lower-cased values of the headers, empty when absent. */
  secFetchMode: string;
  secFetchDest: string;
  accept: string;
  purpose: string;
  userAgent: string;
  /** Path below the app's base, starting with a slash. */
  path: string;
  /** An address made for opening the app, which nothing asks for again by itself: scripts wake too. */
  entry?: boolean;
}

export interface VisitRules {
  ignoredPaths: readonly string[];
  /** Reading these is what open tabs do by themselves; changing them is what people do. */
  polledPaths: readonly string[];
  ignoredAgents: readonly string[];
  /** False where calls of programs are refused instead of being held, as old families have it. */
  holdsCalls?: boolean;
}

export type VisitAnswer =
  /** Wake the app and show the waiting page. */
  | 'page'
  /** Show the waiting page as it is; wakes nothing (HEAD, prefetch). */
  | 'page-without-wake'
  /** Wake the app and hold the request until it is ready. */
  | 'hold'
  /** Refuse with 503 and Retry-After; wakes nothing. */
  | 'refuse';

/** Agents that look at pages for machines: they see the page and wake nothing. */
const monitorAgents = [
  'bot',
  'crawler',
  'spider',
  'uptime',
  'pingdom',
  'prometheus',
  'blackbox',
  'kube-probe',
  'healthcheck',
];

/** What a request does to an app that is not ready. Rules are tried from the top; first wins. */
export function answerVisit(visit: Visit, rules: VisitRules): VisitAnswer {
  if (isNoise(visit, rules)) return 'refuse';
  // A socket of a forgotten tab reconnects for ever: it must not wake.
  if (visit.upgrade) return 'refuse';
  const wantsHtml = visit.accept.includes('text/html');
  const speculative = visit.purpose.includes('prefetch') || visit.purpose.includes('preview');
  if (visit.method === 'HEAD' || visit.method === 'OPTIONS' || speculative) {
    return wantsHtml ? 'page-without-wake' : 'refuse';
  }
  if (isMonitor(visit)) return wantsHtml ? 'page-without-wake' : 'refuse';
  const call = rules.holdsCalls === false ? 'refuse' : 'hold';
  if (speaksAsBrowser(visit, rules)) {
    // Only a person's navigation of a whole page wakes.
    if (visit.secFetchMode === 'navigate') {
      return visit.method === 'GET' || call === 'refuse' ? 'page' : 'hold';
    }
    return visit.entry === true && visit.secFetchDest === 'empty' ? call : 'refuse';
  }
  if (wantsHtml && visit.method === 'GET') return 'page';
  return call;
}

/** Node's fetch sends a mode too, but no destination: it counts as a program where those are held. */
function speaksAsBrowser({ secFetchMode, secFetchDest }: Visit, rules: VisitRules): boolean {
  if (secFetchMode === '') return false;
  return secFetchMode === 'navigate' || secFetchDest !== '' || rules.holdsCalls === false;
}

/** True for requests that never count as use and never wake. */
export function isNoise(visit: Pick<Visit, 'path' | 'userAgent'>, rules: VisitRules): boolean {
  const agent = visit.userAgent.toLowerCase();
  if (rules.ignoredAgents.some((part) => agent.includes(part.toLowerCase()))) return true;
  if (/[?&]no_track_activity=1(?:&|$)/.test(visit.path)) return true;
  return isBelow(visit.path, rules.ignoredPaths);
}

/** True for reads of polled paths: no use, but a program that comes with one to a sleeping app wakes it. */
export function isPoll(visit: Pick<Visit, 'method' | 'path'>, rules: VisitRules): boolean {
  const reads = visit.method === 'GET' || visit.method === 'HEAD';
  return reads && isBelow(visit.path, rules.polledPaths);
}

function isBelow(target: string, prefixes: readonly string[]): boolean {
  const path = target.split('?', 1)[0] ?? '/';
  return prefixes.some((prefix) => path === prefix || path.startsWith(`${prefix}/`));
}

function isMonitor(visit: Visit): boolean {
  const agent = visit.userAgent.toLowerCase();
  return monitorAgents.some((part) => agent.includes(part));
}
