import { createHash, timingSafeEqual } from 'node:crypto';
import type { Context } from 'hono';
import { isLoopback } from '../../../model/bind.ts';
import type { Mount } from './mount.ts';
import { Refusal } from './refusal.ts';

/**
 * Lets registrations and deletions through: with the family's token where one is set, and never from
 * a page of another site. Programs send no Origin; a browser always does, and a name that somebody
 * else's DNS points at this machine is not one of ours.
 */
export function requireChange(context: Context, mount: Mount, token: string | null): void {
  const origin = context.req.header('origin');
  const site = context.req.header('sec-fetch-site');
  if (origin !== undefined || site !== undefined) {
    const host = context.req.header('host') ?? '';
    const isOurs = host === mount.publicHost || isLoopback(nameOf(host));
    const fromUs = origin === undefined || originHost(origin) === host;
    const fetchedByUs = site === undefined || site === 'same-origin' || site === 'none';
    if (!isOurs || !fromUs || !fetchedByUs) throw new Refusal(403, 'Forbidden');
  }
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
