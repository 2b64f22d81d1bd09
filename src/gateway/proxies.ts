import net from 'node:net';
import { plainAddress, type Exchange } from './http/connection.ts';
import { hostValue, type RequestHead } from './http/head.ts';

/** Proxies in front of us whose word on the visitor is believed. */
export interface TrustedProxies {
  addresses: net.BlockList;
  /** Nobody is trusted: nothing has to be looked at. */
  none: boolean;
  /** Lower-case name of the header in which they say who the visitor is; null when they do not. */
  personHeader: string | null;
}

/** `ranges` are addresses or CIDRs that the settings have checked. */
export function trustedProxies(
  ranges: readonly string[],
  personHeader: string | undefined,
): TrustedProxies {
  const addresses = new net.BlockList();
  for (const range of ranges) {
    const [address = '', bits] = range.split('/');
    const family = net.isIPv6(address) ? 'ipv6' : 'ipv4';
    if (bits === undefined) addresses.addAddress(address, family);
    else addresses.addSubnet(address, Number(bits), family);
  }
  return {
    addresses,
    none: ranges.length === 0,
    personHeader: personHeader?.toLowerCase() ?? null,
  };
}

/**
 * Takes a trusted proxy's word on a request: where it comes from is the right-most address that is no trusted proxy
 * itself, since whatever stands left of it the visitor may have made up. Of protocol and host the last word counts, the
 * nearest proxy's. From everybody else these headers mean nothing.
 */
export function believeProxy(proxies: TrustedProxies, exchange: Exchange): void {
  const { head, side } = exchange;
  if (proxies.none || !isTrusted(proxies, side.address)) return;
  const said = lastOf(head, 'x-forwarded-proto').toLowerCase();
  const protocol = said === 'http' || said === 'https' ? said : side.protocol;
  const host = lastOf(head, 'x-forwarded-host');
  if (host !== '' && hostValue.test(host)) head.host = host;
  const address = visitorOf(proxies, head, side.address);
  exchange.side = { address, protocol, person: personIn(head, proxies.personHeader) };
}

/** Null when the proxy names nobody, and when it says two things. */
function personIn(head: RequestHead, header: string | null): string | null {
  if (header === null) return null;
  const said = head.values.filter((_, index) => head.names[index] === header);
  return said.length === 1 && said[0] !== '' ? (said[0] as string) : null;
}

function visitorOf(proxies: TrustedProxies, head: RequestHead, peer: string): string {
  let nearest = peer;
  for (const hop of valuesOf(head, 'x-forwarded-for').reverse()) {
    const address = addressIn(hop);
    if (address === null) return nearest;
    nearest = address;
    if (!isTrusted(proxies, address)) return nearest;
  }
  return nearest;
}

function isTrusted({ addresses }: TrustedProxies, address: string): boolean {
  const family = net.isIP(address);
  return family !== 0 && addresses.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

const lastOf = (head: RequestHead, name: string): string => valuesOf(head, name).at(-1) ?? '';

/** All values of a list header, also over several lines. */
function valuesOf(head: RequestHead, name: string): string[] {
  return head.values
    .filter((_, index) => head.names[index] === name)
    .flatMap((value) => value.split(','))
    .map((value) => value.trim());
}

/** Without port and brackets; null for what is no address. */
function addressIn(hop: string): string | null {
  const bare = /^\[(.+)\](?::\d+)?$/.exec(hop)?.[1] ?? /^([\d.]+):\d+$/.exec(hop)?.[1] ?? hop;
  const plain = plainAddress(bare);
  return net.isIP(plain) === 0 ? null : plain;
}
