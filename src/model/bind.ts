/** True for addresses and names that only this machine reaches: 127/8, ::1, localhost. */
export function isLoopback(address: string): boolean {
  const bare = address.toLowerCase().replace(/^\[|\]$/g, '');
  if (bare === 'localhost' || bare === '::1' || bare === '0:0:0:0:0:0:0:1') return true;
  return /^(?:::ffff:)?127(?:\.\d{1,3}){3}$/.test(bare);
}

/** `open`: no login, so only loopback may be bound. `required`: people log in, programs send tokens. */
export const authentications = ['open', 'required'] as const;
export type Authentication = (typeof authentications)[number];

/**
 * Why a public listener must not bind this address, or null when it may. Without authentication
 * whoever reaches the listener is the local user; with it the console is guarded, but gateways do not
 * ask yet who opens an app. So for now only loopback is bound either way.
 */
export function refusalToBind(address: string, authentication: Authentication): string | null {
  if (isLoopback(address)) return null;
  if (authentication === 'open') {
    return (
      `cannot bind ${address}: that needs authentication, and LABKEEPER_AUTHENTICATION is open. ` +
      'Whoever reached it could run commands on this machine. Set LABKEEPER_BIND=127.0.0.1, and ' +
      'reach it from elsewhere through an SSH tunnel.'
    );
  }
  return (
    `cannot bind ${address}: the console would ask for a login, but the apps' listener does not yet ask who ` +
    'opens an app. Set LABKEEPER_BIND=127.0.0.1, and put a proxy in front that lets in whom you trust.'
  );
}
