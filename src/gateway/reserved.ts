import { enterPath } from '../model/access.ts';
import { confinedTo, enter } from './access/enter.ts';
import type { AppGateway } from './apps.ts';
import { reopen } from './closing.ts';
import { isWatched, stream } from './events.ts';
import { errorAnswer, redirect, type Answer } from './http/answer.ts';
import { answer, type Exchange } from './http/connection.ts';
import { headerOf, type RequestHead } from './http/head.ts';
import type { Place } from './address.ts';
import { isOpen, type Entry } from './routes.ts';
import { tabScript } from './tab-script.ts';
import { noteCounts, noteUse, useOf } from './use.ts';
import { waitingAnswer } from './waiting-page.ts';
import { pageOf } from './watch.ts';

/** Below each app's base this path is the gateway's own. */
export function isReserved(rest: string): boolean {
  return rest.startsWith('/.labkeeper/');
}

/** The one path that is there to prove something: nothing has to be proven before. */
export function isEntrance(rest: string): boolean {
  return rest === enterPath || rest.startsWith(`${enterPath}?`);
}

/** Serves the gateway's own paths below an app; nothing here but `keep-awake` is use. */
export function serveReserved(
  gateway: AppGateway,
  exchange: Exchange,
  place: Place,
  entry: Entry,
): void {
  const { head } = exchange;
  const [path = '', query = ''] = place.rest.slice('/.labkeeper/'.length).split('?', 2);
  const verb = path === 'keep-awake' ? 'POST' : 'GET';
  if (!known.has(path)) {
    answer(exchange, errorAnswer(head, 404, 'the gateway has no such page'));
    return;
  }
  if (head.method !== verb && !(verb === 'GET' && head.method === 'HEAD')) {
    const refusal = errorAnswer(head, 405, `${path} is asked for with ${verb}`);
    answer(exchange, { ...refusal, headers: [...refusal.headers, ['Allow', verb]] });
    return;
  }
  switch (path) {
    case 'tab.js':
      answer(exchange, scriptAnswer);
      return;
    case 'state':
      answer(exchange, json(200, gateway.watch.newsOf(entry)));
      return;
    case 'events':
      serveEvents(gateway, exchange, entry, query.includes('view=tab'));
      return;
    case 'wait':
      serveWait(gateway, exchange, place, entry, query);
      return;
    case 'enter':
      enter(gateway.access, exchange, place, query);
      return;
    case 'keep-awake':
      keepAwake(gateway, exchange, entry);
  }
}

const known = new Set(['tab.js', 'state', 'events', 'wait', 'keep-awake', 'enter']);

const scriptAnswer: Answer = {
  status: 200,
  headers: [
    ['Content-Type', 'text/javascript; charset=utf-8'],
    ['Cache-Control', 'max-age=300'],
    ['X-Content-Type-Options', 'nosniff'],
  ],
  body: Buffer.from(tabScript, 'utf8'),
};

function serveEvents(gateway: AppGateway, exchange: Exchange, entry: Entry, tab: boolean): void {
  const { app } = entry.route;
  // An open tab is a connection (the app does not fall asleep as if everybody had left), never use.
  const use = useOf(gateway.ledger, app);
  if (tab) noteCounts(use, { openSockets: 1 });
  stream(gateway.watch.hub, exchange, gateway.watch.newsOf(entry), {
    waits: !tab,
    onEnd: () => {
      if (tab) noteCounts(use, { openSockets: -1 });
    },
  });
  if (!tab && isWatched(gateway.watch.hub, app)) gateway.watch.attend(app);
}

/** Where the waiting page goes by itself without a script: shows the state and wakes nothing. */
function serveWait(
  gateway: AppGateway,
  exchange: Exchange,
  place: Place,
  entry: Entry,
  query: string,
): void {
  const to = confinedTo(place, new URLSearchParams(query).get('to') ?? '');
  if (isOpen(entry)) answer(exchange, redirect(307, to));
  else answer(exchange, waitingAnswer(pageOf(gateway.watch, entry, place.base), to));
}

function keepAwake(gateway: AppGateway, exchange: Exchange, entry: Entry): void {
  const { head } = exchange;
  if (!isSameOrigin(head)) {
    answer(exchange, errorAnswer(head, 403, 'only the app’s own pages may keep it awake'));
    return;
  }
  const kept = () => {
    noteUse(gateway.ledger, useOf(gateway.ledger, entry.route.app), 'kept awake by an open tab');
    answer(exchange, { status: 204, headers: [['Cache-Control', 'no-store']], body: '' });
  };
  const tooLate = () => {
    answer(exchange, errorAnswer(head, 409, 'the app is not running: open it to wake it'));
  };
  const { target } = entry.route;
  if (target === null) tooLate();
  else if (target.state === 'open') kept();
  else {
    void reopen(gateway.closing, entry).then((outcome) => {
      if (outcome === 'gone') tooLate();
      else kept();
    });
  }
}

/** Browsers say where a request comes from; who says nothing is no page of the app. */
function isSameOrigin(head: RequestHead): boolean {
  const site = headerOf(head, 'sec-fetch-site');
  if (site !== '') return site === 'same-origin';
  const origin = headerOf(head, 'origin');
  return origin === `http://${head.host}` || origin === `https://${head.host}`;
}

function json(status: number, body: unknown): Answer {
  return {
    status,
    headers: [
      ['Content-Type', 'application/json'],
      ['Cache-Control', 'no-store'],
    ],
    body: JSON.stringify(body),
  };
}
