import { isOurToken } from './access/pass.ts';
import type { VisitorSide } from './http/connection.ts';
import type { RequestHead, ResponseHead } from './http/head.ts';

export interface RequestRewrite {
  /** Path and query for the target. */
  path: string;
  visitor: VisitorSide;
  /** The public base when it was taken off the path, else ''. */
  prefix: string;
  /** Cookies and tokens of ours are kept from apps. */
  dropOwnCookies: boolean;
  /** Header lines that say who the visitor is, each with its CRLF. */
  personLines: string;
  /** Lower-case header in which a proxy says who the visitor is: never passed on; null without one. */
  personHeader: string | null;
  /** Ask for an uncompressed answer: something will be added to it. */
  identity: boolean;
  /** Stands in place of the visitor's own; undefined leaves that. */
  traceparent?: string | undefined;
}

export interface ResponseRewrite {
  /** Where the visitor finds the target, and where the target believes to be; '' is the root. */
  base: string;
  inner: string;
  /** The authority the visitor used, to recognise absolute redirects to ourselves. */
  host: string;
  dropOwnCookies: boolean;
  /** Lines of ours, each with its CRLF. */
  addedLines?: string;
  /** Bytes that will be added to the body. */
  addedBytes: number;
}

/** The request head as the target gets it, final empty line included. */
export function requestHeadFor(head: RequestHead, rewrite: RequestRewrite): string {
  const { names, lines, values } = head;
  let text = `${head.method} ${rewrite.path} HTTP/1.1\r\nHost: ${head.host}\r\n`;
  let wantsTrailers = false;
  for (let index = 0; index < names.length; index += 1) {
    const name = names[index] as string;
    switch (classOf(name)) {
      case 'plain':
        if (rewrite.personHeader !== null && isSpelled(name, rewrite.personHeader)) break;
        if (head.connectionNames.length > 0 && head.connectionNames.includes(name)) break;
        text += lines[index];
        text += '\r\n';
        break;
      case 'cookie': {
        if (!rewrite.dropOwnCookies) {
          text += `${lines[index]}\r\n`;
          break;
        }
        const kept = withoutOwnCookies(values[index] as string);
        if (kept !== '') text += `Cookie: ${kept}\r\n`;
        break;
      }
      case 'authorization':
        if (rewrite.dropOwnCookies && isOurToken(values[index] as string)) break;
        if (!head.connectionNames.includes(name)) text += `${lines[index]}\r\n`;
        break;
      case 'encoding':
        if (!rewrite.identity) text += `${lines[index]}\r\n`;
        break;
      case 'trace':
        if (rewrite.traceparent === undefined) text += `${lines[index]}\r\n`;
        break;
      case 'te':
        wantsTrailers = /(?:^|[ ,])trailers(?:$|[ ,;])/i.test(values[index] as string);
        break;
      case 'dropped':
        break;
    }
  }
  if (head.framing === 'chunked') text += 'Transfer-Encoding: chunked\r\n';
  text += rewrite.personLines;
  if (rewrite.traceparent !== undefined) text += `Traceparent: ${rewrite.traceparent}\r\n`;
  if (rewrite.identity) text += 'Accept-Encoding: identity\r\n';
  if (wantsTrailers) text += 'TE: trailers\r\nConnection: TE\r\n';
  if (head.upgrade) text += 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
  text += `X-Forwarded-For: ${rewrite.visitor.address}\r\nX-Forwarded-Proto: ${rewrite.visitor.protocol}\r\nX-Forwarded-Host: ${head.host}\r\n`;
  if (rewrite.prefix !== '') text += `X-Forwarded-Prefix: ${rewrite.prefix}\r\n`;
  return `${text}\r\n`;
}

/** WSGI and CGI take underscores and dashes for the same. */
const isSpelled = (name: string, header: string): boolean =>
  name === header || name.replaceAll('_', '-') === header.replaceAll('_', '-');

/** Who the visitor is, for the app: nothing of a visitor who is nobody. */
export function personLinesOf(
  who: { person: string; role: string | null } | null,
  space: string,
): string {
  if (who === null) return '';
  const role = who.role === null ? '' : `X-Labkeeper-Role: ${who.role}\r\n`;
  return `X-Labkeeper-Person: ${who.person}\r\n${role}X-Labkeeper-Space: ${space}\r\n`;
}

/** The header lines of an answer as the visitor gets them, each with its CRLF; no framing headers. */
export function responseLinesFor(head: ResponseHead, rewrite: ResponseRewrite): string {
  const { names, lines, values } = head;
  let text = '';
  for (let index = 0; index < names.length; index += 1) {
    const name = names[index] as string;
    switch (name) {
      case 'connection':
      case 'keep-alive':
      case 'proxy-connection':
      case 'proxy-authenticate':
      case 'transfer-encoding':
      case 'content-length':
      case 'upgrade':
      case 'te':
        break;
      case 'set-cookie':
        if (rewrite.dropOwnCookies && ownCookie.test(values[index] as string)) break;
        text += `${lines[index]}\r\n`;
        break;
      case 'clear-site-data':
        // It would clear what the console and other apps on this host keep, the visitor's login included.
        if (!rewrite.dropOwnCookies) text += `${lines[index]}\r\n`;
        break;
      case 'service-worker-allowed':
        // A worker reaches no further than its app: others may share the origin.
        text += `Service-Worker-Allowed: ${rewrite.base}/\r\n`;
        break;
      case 'location':
        text += `Location: ${publicLocation(values[index] as string, rewrite)}\r\n`;
        break;
      default:
        if (head.connectionNames.length > 0 && head.connectionNames.includes(name)) break;
        text += lines[index];
        text += '\r\n';
    }
  }
  return rewrite.addedLines === undefined ? text : text + rewrite.addedLines;
}

/** The 101 of a target, line for line, hop-by-hop headers included: they are the answer here. */
export function switchHeadFor(head: ResponseHead, dropOwnCookies: boolean): string {
  let text = `HTTP/1.1 101 ${head.reason}\r\n`;
  for (let index = 0; index < head.names.length; index += 1) {
    const own = head.names[index] === 'set-cookie' && ownCookie.test(head.values[index] as string);
    if (!(own && dropOwnCookies)) text += `${head.lines[index]}\r\n`;
  }
  return `${text}\r\n`;
}

/** A redirect below what the app takes for its base, seen from outside: the public base replaces it. */
export function publicLocation(location: string, rewrite: ResponseRewrite): string {
  const { base, inner, host } = rewrite;
  if (base === inner) return location;
  if (location.startsWith('/')) {
    return location.startsWith('//') ? location : asPublic(location, rewrite);
  }
  for (const scheme of ['http://', 'https://']) {
    const start = scheme + host;
    if (location.startsWith(`${start}/`)) {
      return start + asPublic(location.slice(start.length), rewrite);
    }
  }
  return location;
}

/** Drops the cookies of the console; the rest is kept byte for byte. */
export function withoutOwnCookies(value: string): string {
  if (!mentionsOwnCookie.test(value)) return value;
  const kept = value.split(';').filter((part) => !ownCookie.test(part));
  return kept.join(';').trim();
}

const ownCookie = /^[\s=]*(?:__(?:host|secure)-)?labkeeper_/i;
const mentionsOwnCookie = /labkeeper_/i;

type HeaderClass = 'plain' | 'authorization' | 'dropped' | 'cookie' | 'encoding' | 'te' | 'trace';

/**
 * Hop-by-hop headers (RFC 9110 §7.6.1), what the gateway writes itself, and what a visitor must not
 * be able to claim: inbound X-Forwarded-* are dropped.
 */
const classes = new Map<string, HeaderClass>([
  ['host', 'dropped'],
  ['connection', 'dropped'],
  ['keep-alive', 'dropped'],
  ['proxy-connection', 'dropped'],
  ['proxy-authenticate', 'dropped'],
  ['proxy-authorization', 'dropped'],
  ['proxy', 'dropped'],
  ['transfer-encoding', 'dropped'],
  ['upgrade', 'dropped'],
  ['http2-settings', 'dropped'],
  ['forwarded', 'dropped'],
  ['x-real-ip', 'dropped'],
  ['authorization', 'authorization'],
  ['te', 'te'],
  ['traceparent', 'trace'],
  ['cookie', 'cookie'],
  ['accept-encoding', 'encoding'],
]);

function classOf(name: string): HeaderClass {
  const known = classes.get(name);
  if (known !== undefined) return known;
  if (name.startsWith('x-forwarded-') || name.startsWith('x-labkeeper-')) return 'dropped';
  // WSGI and CGI see X_Forwarded_For and X-Forwarded-For as one: a spoof by spelling.
  if (name.includes('_')) {
    const dashed = name.replaceAll('_', '-');
    return dashed === 'content-length' || classOf(dashed) !== 'plain' ? 'dropped' : 'plain';
  }
  return 'plain';
}

/** Apps that know their public base name it already; what is not below the inner one stays. */
function asPublic(path: string, { base, inner }: ResponseRewrite): string {
  if (inner === '') return isBelow(path, base) ? path : base + path;
  return isBelow(path, inner) ? base + path.slice(inner.length) : path;
}

const isBelow = (path: string, base: string): boolean =>
  path.startsWith(base) && /^(?:$|[/?#])/.test(path.slice(base.length));
