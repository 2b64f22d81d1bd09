import { appBasePath } from '../model/app-spec.ts';
import { dnsLabelPattern } from '../model/names.ts';

/** Which app a request is for, and where in it. */
export interface Place {
  app: string;
  /** `path`: `/app/<name>/…`. `host`: `<name>.localhost`. */
  form: 'path' | 'host';
  /** The public base without final slash: `/app/<name>`, or '' where the app owns the root. */
  base: string;
  /** Path and query below the base; '' when the base was asked for without its slash. */
  rest: string;
}

/** Which host names are apps' own: `<name>.localhost`, and `<name>.<domain>` where one is set. */
export function hostFormOf(domain: string | undefined): RegExp {
  const domains = ['localhost', ...(domain === undefined ? [] : [domain])];
  const escaped = domains.map((one) => one.replaceAll('.', '\\.')).join('|');
  return new RegExp(`^([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)\\.(?:${escaped})\\.?(?::\\d*)?$`, 'i');
}

/** Null when neither host nor path names an app. */
export function locate(host: string, path: string, hostForm: RegExp): Place | null {
  const label = hostForm.exec(host)?.[1];
  const below = path.startsWith('/app/') ? belowApp(path) : null;
  if (label === undefined) {
    return below === null
      ? null
      : { app: below.app, form: 'path', base: appBasePath(below.app), rest: below.rest };
  }
  return { app: label.toLowerCase(), form: 'host', base: '', rest: path };
}

/** On its own host an app that keeps its prefix (`inner`) is still found below it, else null. */
export function keepPlace(place: Place, inner: string): Place | null {
  if (place.form === 'path') return place;
  if (!place.rest.startsWith(inner)) return null;
  const rest = place.rest.slice(inner.length);
  return /^(?:$|[/?])/.test(rest) ? { ...place, base: inner, rest } : null;
}

/**
 * True when dot segments, plain or encoded, lead out of the base at any point. Back slashes and
 * encoded slashes count as slashes, since some servers read them so.
 */
export function climbs(rest: string): boolean {
  if (!mayClimb.test(rest)) return false;
  const path = rest.split(/[?#]/, 1)[0] ?? '';
  let depth = 0;
  for (const segment of path.slice(1).split(/\/|\\|%2f|%5c/i)) {
    const plain = segment.replace(/%2e/gi, '.').replace(/;.*$/, '');
    if (plain === '..') depth -= 1;
    else if (plain !== '.' && plain !== '') depth += 1;
    if (depth < 0) return true;
  }
  return false;
}

const mayClimb = /\.\.|%2e/i;

function belowApp(path: string): { app: string; rest: string } | null {
  let end = 5;
  while (end < path.length && path[end] !== '/' && path[end] !== '?') end += 1;
  const app = path.slice(5, end);
  return dnsLabelPattern.test(app) ? { app, rest: path.slice(end) } : null;
}
