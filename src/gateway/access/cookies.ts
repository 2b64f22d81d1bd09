import type { VisitorSide } from '../http/connection.ts';

/**
 * Names of the cookies a gateway sets for apps. Prefixes make browsers refuse what came in over plain HTTP,
 * and, where an app has a host of its own, what another host has planted.
 */
export function cookieName(
  kind: 'app' | 'state',
  base: string,
  protocol: VisitorSide['protocol'],
): string {
  const name = kind === 'app' ? 'labkeeper_app' : 'labkeeper_state';
  if (protocol === 'http') return name;
  return base === '' && kind === 'app' ? `__Host-${name}` : `__Secure-${name}`;
}

/** A `Set-Cookie` value; `maxAgeS` 0 takes the cookie away. */
export function setCookie(
  name: string,
  value: string,
  { path, maxAgeS, protocol }: { path: string; maxAgeS: number } & Pick<VisitorSide, 'protocol'>,
): string {
  const secure = protocol === 'https' ? '; Secure' : '';
  return `${name}=${value}; Path=${path}; Max-Age=${maxAgeS}; HttpOnly; SameSite=Lax${secure}`;
}

/** Values of all cookies of that name in a Cookie header, at most ten. */
export function cookiesOf(header: string, name: string): readonly string[] {
  if (!header.includes(name)) return none;
  const found: string[] = [];
  for (const part of header.split(';')) {
    const start = part.startsWith(' ') ? 1 : 0;
    if (!part.startsWith(name, start) || part[start + name.length] !== '=') continue;
    found.push(part.slice(start + name.length + 1).trim());
    if (found.length === maxCookies) break;
  }
  return found;
}

const none: readonly string[] = [];
/** More than anybody has: who sends many wants us to check signatures. */
const maxCookies = 10;
