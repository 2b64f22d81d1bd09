import type { Visit } from '../model/visit.ts';
import type { Place } from './address.ts';
import { headerOf, type RequestHead, type ResponseHead } from './http/head.ts';

/** What the model's table of visits needs to know. */
export function visitOf(head: RequestHead, place: Place): Visit {
  return {
    method: head.method,
    upgrade: head.upgrade,
    secFetchMode: headerOf(head, 'sec-fetch-mode').toLowerCase(),
    secFetchDest: headerOf(head, 'sec-fetch-dest').toLowerCase(),
    accept: headerOf(head, 'accept').toLowerCase(),
    purpose: (headerOf(head, 'sec-purpose') || headerOf(head, 'purpose')).toLowerCase(),
    userAgent: headerOf(head, 'user-agent'),
    path: place.rest,
  };
}

/** A person opens a page. */
export function isNavigation(head: RequestHead): boolean {
  return head.method === 'GET' && headerOf(head, 'sec-fetch-mode') === 'navigate';
}

export function isEventStream(head: ResponseHead): boolean {
  return headerOf(head, 'content-type').startsWith('text/event-stream');
}

/** Why a request counts as use, for people. */
export function reasonOf(head: RequestHead): string {
  if (head.framing !== 'none' && (head.contentLength === -1 || head.contentLength > 65_536)) {
    return 'upload';
  }
  return `${head.method} ${shortPath(head)}`;
}

/** The path without its query, which may hold secrets. */
export function shortPath(head: RequestHead): string {
  const end = head.path.indexOf('?');
  const path = end === -1 ? head.path : head.path.slice(0, end);
  return path.length > 120 ? `${path.slice(0, 120)}…` : path;
}

/** A request that a 301 leaves as it is. */
export function bodyless(head: RequestHead): boolean {
  return head.method === 'GET' || head.method === 'HEAD';
}
