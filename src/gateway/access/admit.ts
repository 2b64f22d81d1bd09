import { createHash, randomBytes } from 'node:crypto';
import { personNamed } from '../../model/person.ts';
import type { Place } from '../address.ts';
import { errorAnswer, redirect, type Answer } from '../http/answer.ts';
import { answer, type Exchange } from '../http/connection.ts';
import { headerOf, type RequestHead } from '../http/head.ts';
import type { Entry } from '../routes.ts';
import { isFresh, shownPass, visitorPass, type Access } from './access.ts';
import { cookieName, setCookie } from './cookies.ts';
import { isOurToken, type Pass } from './pass.ts';

/** What admission asks of its surroundings. */
export interface Door {
  access: Access;
  counts: { requests: { unproven: { add(): void } } };
}

/**
 * Decides before anything else happens for an app whether a visitor may open it: `enter` is called with
 * their pass, at once where it is known; who has none is answered here, and nothing wakes.
 * `entry` is null for a name that no app has: without proof that looks like any other.
 */
export function admit(
  door: Door,
  exchange: Exchange,
  place: Place,
  entry: Entry | null,
  enter: (pass: Pass) => void,
): void {
  const { access } = door;
  const letIn = (pass: Pass) => {
    exchange.holder = pass;
    enter(pass);
  };
  if (access.mode === 'open') {
    letIn(access.localUser);
    return;
  }
  const { protocol, person } = exchange.side;
  const cookie = cookieName('app', place.base, protocol);
  const shown = shownPass(access, exchange.head, place.app, cookie);
  const pass = shown !== null && isOfSomebodyElse(shown, person) ? null : shown;
  const decide = () => {
    const verdict = pass === null ? 'ended' : verdictOf(pass);
    if (pass !== null && verdict === 'open' && entry !== null) letIn(pass);
    else if (entry?.route.spec.access === 'everyone') letIn(visitorPass(access, place.app));
    else refuse(door, exchange, place, { pass, isThere: entry !== null });
  };
  if (pass === null || isFresh(access, pass)) decide();
  else {
    void access.checks.ask(pass).then(() => {
      if (!exchange.over) decide();
    });
  }
}

/** The proxy that vouched for one person names another now: the browser has changed hands. */
function isOfSomebodyElse({ proof }: Pass, named: string | null): boolean {
  return proof?.kind === 'person' && named !== null && proof.person !== personNamed(named);
}

/** What it comes to: the control plane's last word, else that of the signature, else nobody knows. */
function verdictOf({ opening, vouched, endsAtMs }: Pass): 'open' | 'unknown' | 'refused' {
  if (endsAtMs <= Date.now()) return 'refused';
  if (opening !== null) return opening.verdict === 'open' ? 'open' : 'refused';
  return vouched === null ? 'unknown' : 'open';
}

function refuse(
  door: Door,
  exchange: Exchange,
  place: Place,
  { pass, isThere }: { pass: Pass | null; isThere: boolean },
): void {
  door.counts.requests.unproven.add();
  const { head } = exchange;
  const opening = pass?.opening ?? null;
  if (opening?.verdict === 'forbidden') {
    answer(exchange, errorAnswer(head, 403, opening.why, { title: 'You may not open this app' }));
  } else if (opening?.verdict === 'hidden' || (opening?.verdict === 'open' && !isThere)) {
    // Who may not even know of an app is told the same as of one that there is not.
    answer(exchange, noSuchApp(head, place.app));
  } else if (pass !== null && opening === null && pass.endsAtMs > Date.now()) {
    const why = 'the control plane does not answer, so nobody can say who you are. Try again soon';
    answer(exchange, errorAnswer(head, 503, why, { retryAfterSeconds: 2 }));
  } else if (opensPage(head)) {
    answer(exchange, toConsole(door.access, exchange, place, { to: head.path, again: false }));
  } else answer(exchange, unauthenticated(door.access, head, place));
}

export function noSuchApp(head: RequestHead, app: string): Answer {
  return errorAnswer(head, 404, `there is no app named ${app}`, { title: 'No such app' });
}

/** Sends a browser to the console, which sends it back with a grant that only this browser can use. */
export function toConsole(
  access: Access,
  exchange: Exchange,
  place: Place,
  { to, again }: { to: string; again: boolean },
): Answer {
  const { protocol } = exchange.side;
  const state = randomBytes(16).toString('base64url');
  const url = new URL(`/open/${place.app}`, access.settings.consoleUrl);
  if (to.length <= maxPlaceLength) url.searchParams.set('to', to);
  url.searchParams.set('state', stateDigest(state));
  if (place.form === 'host') url.searchParams.set('form', 'host');
  if (again) url.searchParams.set('again', '1');
  const cookie = setCookie(cookieName('state', place.base, protocol), state, {
    ...{ path: statePath(place), maxAgeS: 600, protocol },
  });
  const answered = redirect(303, url.href);
  return {
    ...answered,
    headers: [...answered.headers, ['Set-Cookie', cookie], ['Referrer-Policy', 'no-referrer']],
  };
}

/** Only its digest is in addresses: seeing one is not enough to use a grant. */
export const stateDigest = (state: string): string =>
  createHash('sha256').update(state).digest('base64url');

export const statePath = (place: Place): string => `${place.base}/.labkeeper/`;

/** Longer ones would not survive the way through the login: those come out at the app's first page. */
const maxPlaceLength = 1_000;

/** A person opens a page: a browser says so, or it is one that says nothing and wants HTML. */
function opensPage(head: RequestHead): boolean {
  if (head.upgrade || (head.method !== 'GET' && head.method !== 'HEAD')) return false;
  if (isOurToken(headerOf(head, 'authorization'))) return false;
  const mode = headerOf(head, 'sec-fetch-mode');
  if (mode !== '') return mode === 'navigate';
  return headerOf(head, 'accept').includes('text/html');
}

function unauthenticated(access: Access, head: RequestHead, place: Place): Answer {
  const isToken = isOurToken(headerOf(head, 'authorization'));
  const why = isToken
    ? `this token lets nobody in: it is unknown, expired or revoked; make a new one at ${access.settings.consoleUrl}/account, or with \`labkeeper login\``
    : `${place.app} is not open to everyone: log in at ${access.settings.consoleUrl}/open/${place.app}, or send a token as \`Authorization: Bearer …\``;
  const refusal = errorAnswer(head, 401, why, { title: 'Who are you?' });
  const challenge = isToken ? 'Bearer error="invalid_token"' : 'Bearer';
  return { ...refusal, headers: [...refusal.headers, ['WWW-Authenticate', challenge]] };
}
