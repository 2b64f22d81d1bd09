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
 * whoever reaches the listener is the local user, so only loopback is open to its one user.
 */
export function refusalToBind(address: string, authentication: Authentication): string | null {
  if (isLoopback(address) || authentication === 'required') return null;
  return (
    `cannot bind ${address}: that needs authentication, and LABKEEPER_AUTHENTICATION is open. ` +
    'Whoever reached it could run commands on this machine. Set LABKEEPER_AUTHENTICATION=required, or ' +
    'LABKEEPER_BIND=127.0.0.1 and reach it from elsewhere through an SSH tunnel.'
  );
}
