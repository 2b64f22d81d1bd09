import type { Context } from 'hono';
import type { ApiEnv, ApiSettings } from '../dependencies.ts';

type Settings = Pick<ApiSettings, 'consoleUrl' | 'sessionMs'>;

/**
 * Over TLS the name begins with `__Host-`: no other host can plant it. Gateways strip every cookie
 * whose name holds `labkeeper_`, so no app ever sees or sets it through them.
 */
const nameOf = ({ consoleUrl }: Settings): string =>
  isSecure(consoleUrl) ? '__Host-labkeeper_session' : 'labkeeper_session';

const isSecure = (consoleUrl: string | null): boolean => consoleUrl?.startsWith('https:') ?? false;

/**
 * The secrets that were sent as session. More than one means that somebody else planted one: a script of an
 * app on the same host name can, and which is whose cannot be told.
 */
export function sessionSecrets(context: Context<ApiEnv>, settings: Settings): string[] {
  const name = nameOf(settings);
  return (context.req.header('cookie') ?? '')
    .split(';')
    .map((part) => part.trim().split('=', 2))
    .filter(([key, value]) => key === name && value !== undefined && value !== '')
    .map(([, value]) => value as string);
}

export function sessionCookie(secret: string, settings: Settings): string {
  return cookie(secret, settings, Math.floor(settings.sessionMs / 1000));
}

export const endedSessionCookie = (settings: Settings): string => cookie('', settings, 0);

function cookie(value: string, settings: Settings, maxAgeS: number): string {
  const secure = isSecure(settings.consoleUrl) ? '; Secure' : '';
  return `${nameOf(settings)}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAgeS}${secure}`;
}
