import { appLinkSchema, grantSchema, type AppCookie } from '../../model/access.ts';
import { climbs, type Place } from '../address.ts';
import { errorAnswer, redirect, type Answer } from '../http/answer.ts';
import { answer, type Exchange } from '../http/connection.ts';
import { headerOf } from '../http/head.ts';
import { passFor, shownPass, type Access } from './access.ts';
import { statePath, stateDigest, toConsole } from './admit.ts';
import { cookieName, cookiesOf, setCookie } from './cookies.ts';
import type { Pass } from './pass.ts';

/**
 * `/.labkeeper/enter`: turns a grant of the console, or a link that somebody passed on, into a cookie for this
 * one app, and goes on to the page that was asked for.
 */
export function enter(access: Access, exchange: Exchange, place: Place, query: string): void {
  const wanted = new URLSearchParams(query);
  const to = confinedTo(place, wanted.get('to') ?? '');
  if (access.mode === 'open') answer(exchange, onward(to, []));
  else if (isHidden(exchange)) answer(exchange, refused(exchange, 'an app is opened by a page'));
  else if (wanted.has('link'))
    void enterByLink(access, exchange, place, wanted.get('link') ?? '', to);
  else enterByGrant(access, exchange, place, wanted, to);
}

/** Where to go below the app; nothing leads elsewhere. */
export function confinedTo(place: Place, wanted: string): string {
  const fits =
    wanted.startsWith(`${place.base}/`) &&
    !wanted.startsWith('//') &&
    printable.test(wanted) &&
    !climbs(wanted.slice(place.base.length));
  return fits ? wanted : `${place.base}/`;
}

/** Without back slashes, which browsers take for slashes. */
const printable = /^[\x21-\x5b\x5d-\x7e]{1,8192}$/;

function enterByGrant(
  access: Access,
  exchange: Exchange,
  place: Place,
  wanted: URLSearchParams,
  to: string,
): void {
  const { protocol } = exchange.side;
  const opened = access.grants.open(wanted.get('grant') ?? '');
  const grant = grantSchema.safeParse(opened?.value);
  if (!grant.success || grant.data.app !== place.app) {
    answer(exchange, refused(exchange, 'this way in is over, or was made for something else'));
    return;
  }
  const stateCookie = cookieName('state', place.base, protocol);
  const states = cookiesOf(headerOf(exchange.head, 'cookie'), stateCookie).map(stateDigest);
  if (!states.includes(grant.data.state)) {
    // Somebody else's way in, or another host name: this browser asks for one of its own, once.
    const again = wanted.has('again');
    const elsewhere = 'this way in was made for another browser, or cookies are off';
    const asked = { to, again: true };
    const answered = again
      ? refused(exchange, elsewhere)
      : toConsole(access, exchange, place, asked);
    answer(exchange, answered);
    return;
  }
  const { app, proof, role, untilMs } = grant.data;
  const pass = passFor(access, app, proof, { vouched: { role }, endsAtMs: untilMs });
  // It may have been refused before; the console has just found otherwise.
  pass.checkedAtMs = Number.NEGATIVE_INFINITY;
  const spent = setCookie(stateCookie, '', { path: statePath(place), maxAgeS: 0, protocol });
  const cookie = appCookie(access, exchange, place, { app, proof, role }, untilMs);
  answer(exchange, onward(to, [cookie, spent]));
}

async function enterByLink(
  access: Access,
  exchange: Exchange,
  place: Place,
  text: string,
  to: string,
): Promise<void> {
  const opened = access.links.open(text);
  const link = appLinkSchema.safeParse(opened?.value);
  if (opened === null || !link.success || link.data.app !== place.app) {
    answer(exchange, refused(exchange, 'this link has ended, or is not whole'));
    return;
  }
  const proof = { kind: 'link', id: link.data.id } as const;
  const pass = passFor(access, place.app, proof, { endsAtMs: opened.endsAtMs });
  const { protocol } = exchange.side;
  const name = cookieName('app', place.base, protocol);
  const had = shownPass(access, exchange.head, place.app, name);
  await Promise.all([access.checks.ask(pass), had && access.checks.ask(had)]);
  if (exchange.over) return;
  if (had !== null && isOpen(had)) {
    // They come in anyway, as themselves.
    answer(exchange, onward(to, []));
  } else if (isOpen(pass)) {
    const shown = { app: place.app, proof, role: null };
    answer(exchange, onward(to, [appCookie(access, exchange, place, shown, pass.endsAtMs)]));
  } else if (pass.opening === null) {
    const why =
      'the control plane does not answer, so nobody can say whether this link still stands';
    answer(exchange, errorAnswer(exchange.head, 503, why, { retryAfterSeconds: 2 }));
  } else answer(exchange, refused(exchange, 'this link was revoked'));
}

const isOpen = ({ opening }: Pass): boolean => opening?.verdict === 'open';

function appCookie(
  access: Access,
  exchange: Exchange,
  place: Place,
  value: AppCookie,
  endsAtMs: number,
): string {
  const { protocol } = exchange.side;
  const maxAgeS = Math.max(1, Math.floor((endsAtMs - Date.now()) / 1000));
  const signed = access.cookies.sign(value, endsAtMs);
  const path = `${place.base}/`;
  return setCookie(cookieName('app', place.base, protocol), signed, { path, maxAgeS, protocol });
}

function onward(to: string, cookies: readonly string[]): Answer {
  const answered = redirect(303, to);
  const setting = cookies.map((cookie) => ['Set-Cookie', cookie] as const);
  return {
    ...answered,
    headers: [...answered.headers, ...setting, ['Referrer-Policy', 'no-referrer']],
  };
}

/** Asked for by a script, an image or the like: nobody would see where it leads. */
function isHidden({ head }: Exchange): boolean {
  const mode = headerOf(head, 'sec-fetch-mode');
  return mode !== '' && mode !== 'navigate';
}

function refused({ head }: Exchange, why: string): Answer {
  return errorAnswer(head, 403, `${why}. Open the app itself again`, { title: 'Not this way' });
}
