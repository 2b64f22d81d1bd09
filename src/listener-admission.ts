import net from 'node:net';
import { isLoopback } from './model/bind.ts';
import type { ListenerAccess } from './model/listener-access.ts';

/** Which addresses may come to the listener of an old family: those that are named, and this machine. */
export function admission(
  access: ListenerAccess | null,
  openWithout: boolean,
): (address: string) => boolean {
  if (access === null) return () => openWithout;
  if (access.kind !== 'networks') return () => true;
  const list = new net.BlockList();
  for (const { address, prefix, family } of access.networks)
    list.addSubnet(address, prefix, family);
  return (address) =>
    isLoopback(address) ||
    (net.isIP(address) !== 0 && list.check(address, net.isIPv6(address) ? 'ipv6' : 'ipv4'));
}
