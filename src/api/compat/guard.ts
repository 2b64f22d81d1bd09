import { createHash, timingSafeEqual } from 'node:crypto';
import type { Context } from 'hono';
import { isLoopback } from '../../model/bind.ts';
import { Refusal } from './refusal.ts';

/** What a listener is known by. */
interface Place {
  /** Name by which it is known, beside loopback. */
  publicHost: string | null;
  /** Other sites whose pages may change something here. */
  origins?: readonly string[];
}

/** Lets a change of an old client through: with the family's token where one is set, and never from a foreign page. */
export function requireChange(context: Context, place: Place, token: string | null): void {
  requireOwnPage(context, place);
  requireToken(context, token);
}

/**
 * Refuses a page of another site. Programs send no Origin; a browser always does, and a name that somebody else's DNS
 * points at this machine is not one of ours.
 */
export function requireOwnPage(context: Context, { publicHost, origins = [] }: Place): void {
  const origin = context.req.header('origin');
  const site = context.req.header('sec-fetch-site');
  if (origin === undefined && site === undefined) return;
  if (origin !== undefined && origins.includes(origin)) return;
  const host = context.req.header('host') ?? '';
  const isOurs = host === publicHost || isLoopback(nameOf(host));
  const fromUs = origin === undefined || originHost(origin) === host;
  const fetchedByUs = site === undefined || site === 'same-origin' || site === 'none';
  if (!isOurs || !fromUs || !fetchedByUs) throw new Refusal(403, 'Forbidden');
}

/** Asks for the family's bearer token, where one is set. */
export function requireToken(context: Context, token: string | null): void {
  if (token === null) return;
  const given = digest(context.req.header('authorization') ?? '');
  if (timingSafeEqual(given, digest(`Bearer ${token}`))) return;
  throw new Refusal(401, 'Unauthorized', { 'www-authenticate': 'Bearer' });
}

/** Equal lengths, whatever was sent: the comparison tells nothing by its time. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

const originHost = (origin: string): string | null =>
  URL.canParse(origin) ? new URL(origin).host : null;

const nameOf = (host: string): string =>
  host.startsWith('[') ? host.slice(1, host.indexOf(']')) : (host.split(':')[0] ?? '');
