import { isLoopback, type Authentication } from './bind.ts';

/** Who may reach the listener of a family of old clients. */
export type ListenerAccess =
  | { kind: 'open' }
  /** Everybody visits; registering and deleting need the family's token. */
  | { kind: 'token' }
  /** Only these networks, and this machine. */
  | { kind: 'networks'; networks: readonly Network[] };

export interface Network {
  address: string;
  prefix: number;
  family: 'ipv4' | 'ipv6';
}

/** `open`, `token`, or networks such as `10.0.0.0/8,fd00::/8`; null when it is none of these. */
export function parseListenerAccess(text: string): ListenerAccess | null {
  if (text === 'open' || text === 'token') return { kind: text };
  const networks = text.split(',').map((part) => parseNetwork(part.trim()));
  return networks.every((network) => network !== null) ? { kind: 'networks', networks } : null;
}

function parseNetwork(text: string): Network | null {
  const [address = '', bits = '', ...rest] = text.split('/');
  if (rest.length > 0 || !/^\d{1,3}$/.test(bits)) return null;
  const prefix = Number(bits);
  const octets = address.split('.');
  const isIpv4 =
    octets.length === 4 && octets.every((octet) => /^\d{1,3}$/.test(octet) && Number(octet) < 256);
  if (isIpv4) return prefix <= 32 ? { address, prefix, family: 'ipv4' } : null;
  const isIpv6 = /^[0-9a-f:]{2,39}$/i.test(address) && address.includes(':');
  return isIpv6 && prefix <= 128 ? { address, prefix, family: 'ipv6' } : null;
}

/** `host:port`, with brackets around an IPv6 address; null when it is not. */
export function parseListen(text: string): { host: string; port: number } | null {
  const [, bracketed, plain, digits = ''] =
    /^(?:\[([0-9a-f:.]+)\]|([^\s:/[\]]+)):(\d{1,5})$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  return host === undefined || port > 65_535 ? null : { host, port };
}

/** Whether the operator has to say in so many words who may come: beyond loopback, and where people log in. */
export const needsWord = (address: string, authentication: Authentication): boolean =>
  authentication === 'required' || !isLoopback(address);

/** Why the listener of an old family must not be opened so, or null when it may: its clients do not log in. */
export function refusalToListen(given: {
  family: string;
  listen: { host: string; port: number } | null;
  access: ListenerAccess | null;
  hasToken: boolean;
  authentication: Authentication;
}): string | null {
  const { family, listen, access, hasToken, authentication } = given;
  const setting = `LABKEEPER_${family.toUpperCase()}_ACCESS`;
  const tokenFile = `LABKEEPER_${family.toUpperCase()}_TOKEN_FILE`;
  if (access?.kind === 'token' && !hasToken) {
    return `${setting} is token, so ${tokenFile} must name a file with the token`;
  }
  if (listen === null || access !== null || !needsWord(listen.host, authentication)) return null;
  return (
    `cannot open the ${family} listener on ${listen.host}: its clients do not log in, so beyond ` +
    `loopback, and where people log in, ${setting} has to say who may come: open for everybody, networks such as ` +
    `10.0.0.0/8, or token, which its clients then need (${tokenFile})`
  );
}
