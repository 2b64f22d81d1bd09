import {
  isOwnWord,
  isQulabsId,
  qulabsFamily,
  qulabsListenerHeader,
  qulabsPath,
} from '../model/qulabs.ts';
import { serveApp, serveEntry, unknown, type AppGateway } from './apps.ts';
import { passToApi, type ConsoleGateway } from './console.ts';
import type { Dialect } from './dialect.ts';
import { errorAnswer, redirect, type Answer } from './http/answer.ts';
import { answer, type Exchange } from './http/connection.ts';
import { headerOf, type RequestHead } from './http/head.ts';
import { believeProxy } from './proxies.ts';
import { bodyless } from './request.ts';
import { entryOfAlias, lookUpAlias, type Entry } from './routes.ts';

const notLetIn = 'QuLabs clients are not let in from this address: see LABKEEPER_QULABS_ACCESS';

/** One way in for QuLabs clients: a prefix of a listener of ours, or their own listener. */
export interface QulabsDoor {
  listener: 'own' | 'console' | 'apps';
  /** What stands before the family's paths here: '' on its own listener. */
  mount: string;
  /** The same as visitors see it, behind a proxy that adds a prefix. */
  publicMount: string;
  admits(address: string): boolean;
  /** Where documents of apps are opened instead; null where they may be opened here. */
  documentsAt: ((head: RequestHead) => string) | null;
  dialect: Dialect;
}

/**
 * Serves one request of the family: its own words go to the API, everything else is an app under its
 * id, as nginx had it.
 */
export function serveQulabs(
  gateway: AppGateway,
  console: ConsoleGateway,
  door: QulabsDoor,
  exchange: Exchange,
): void {
  const { head } = exchange;
  believeProxy(gateway.proxies, exchange);
  if (door.listener === 'apps' && gateway.hostForm.test(head.host)) {
    // There the whole address belongs to one app.
    serveApp(gateway, exchange);
    return;
  }
  if (!door.admits(exchange.side.address)) {
    answer(exchange, qulabsError(head, 403, notLetIn));
    return;
  }
  const below = head.path.slice(door.mount.length);
  const [, word = '', rest = ''] = /^\/([^/?]*)(.*)$/s.exec(below) ?? [];
  if (word === '' || isOwnWord(word)) {
    if (door.listener === 'apps') unknown(gateway, exchange, door.dialect, 'Not Found');
    else passQulabs(console, door, exchange, below);
    return;
  }
  if (!isQulabsId(word)) {
    unknown(gateway, exchange, door.dialect, 'Not Found');
    return;
  }
  const known = entryOfAlias(gateway.routes, qulabsFamily, word);
  if (known !== undefined) {
    serveLab(gateway, door, exchange, { id: word, rest, entry: known });
    return;
  }
  void lookUpAlias(gateway.routes, qulabsFamily, word).then((entry) => {
    if (exchange.over) return;
    if (entry === null) unknown(gateway, exchange, door.dialect, 'Not Found');
    else serveLab(gateway, door, exchange, { id: word, rest, entry });
  });
}

/** True for paths of the family on a listener that others share. */
export const isQulabsPath = (path: string): boolean =>
  path.startsWith(qulabsPath) && /^(?:$|[/?])/.test(path.slice(qulabsPath.length));

/** True when the request is for an app of the family, whose bodies may be large. */
export function isForLab(path: string, mount: string): boolean {
  const word = /^\/([^/?]+)/.exec(path.slice(mount.length))?.[1];
  return path.startsWith(mount) && word !== undefined && !isOwnWord(word);
}

/** The family's errors: `detail` for programs, a page for browsers. */
export function qulabsError(
  head: RequestHead,
  status: number,
  why: string,
  options: Parameters<typeof errorAnswer>[3] = {},
): Answer {
  if (headerOf(head, 'accept').includes('text/html'))
    return errorAnswer(head, status, why, options);
  const headers: [string, string][] = [
    ['Content-Type', 'application/json'],
    ['Cache-Control', 'no-store'],
    ['X-Content-Type-Options', 'nosniff'],
  ];
  const { retryAfterSeconds } = options;
  if (retryAfterSeconds !== undefined) headers.push(['Retry-After', String(retryAfterSeconds)]);
  const detail = fixedDetails[status] ?? why;
  return { status, headers, body: JSON.stringify({ detail }) };
}

/** Texts that old clients know. */
const fixedDetails: Readonly<Record<number, string>> = {
  404: 'Not Found',
  503: 'App is not running',
};

function serveLab(
  gateway: AppGateway,
  door: QulabsDoor,
  exchange: Exchange,
  lab: { id: string; rest: string; entry: Entry },
): void {
  const { head } = exchange;
  const { id, rest, entry } = lab;
  if (door.documentsAt !== null && rest.startsWith('/') && isDocument(head)) {
    const location = `${door.documentsAt(head)}${qulabsPath}/${id}${rest}`;
    answer(exchange, redirect(307, location));
    return;
  }
  const { app } = entry.route;
  const place = { app, form: 'path', base: `${door.publicMount}/${id}`, rest } as const;
  serveEntry(gateway, exchange, place, { entry, dialect: door.dialect });
}

function passQulabs(
  console: ConsoleGateway,
  door: QulabsDoor,
  exchange: Exchange,
  below: string,
): void {
  const { head } = exchange;
  if (!below.startsWith('/')) {
    answer(exchange, redirect(bodyless(head) ? 301 : 308, `${door.publicMount}/${below}`));
    return;
  }
  passToApi(console, exchange, {
    path: `${qulabsPath}${below}`,
    addedLines: door.listener === 'own' ? `${qulabsListenerHeader}: own\r\n` : '',
    refusal: () => ({
      ...qulabsError(head, 503, ''),
      body: JSON.stringify({ detail: 'The control plane is not running at the moment' }),
    }),
  });
}

const documentPlaces = new Set(['document', 'iframe', 'frame', 'object', 'embed', 'fencedframe']);

/** Something a browser would show as a page of this origin. Older ones tell it by Accept only. */
function isDocument(head: RequestHead): boolean {
  const mode = headerOf(head, 'sec-fetch-mode').toLowerCase();
  if (mode === 'navigate') return true;
  if (documentPlaces.has(headerOf(head, 'sec-fetch-dest').toLowerCase())) return true;
  return mode === '' && headerOf(head, 'accept').includes('text/html');
}
