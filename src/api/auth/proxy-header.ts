import type { Context } from 'hono';
import { personNamed } from '../../model/person.ts';
import type { ApiDependencies, ApiEnv } from '../dependencies.ts';
import type { Identity } from './identify.ts';
import { isInternalSecret } from './internal-token.ts';

/**
 * The gateway's word that the next two headers are a trusted proxy's: it drops them from every other
 * address, and the internal secret proves that it is the gateway that speaks.
 */
const proofHeader = 'x-labkeeper-proxy-proof';
const personHeader = 'x-labkeeper-proxy-person';

/**
 * Who a trusted proxy says the visitor is (LABKEEPER_PROXY_PERSON_HEADER). Somebody new becomes a
 * user of the default space: the proxy has decided who gets this far. Null without such a word.
 */
export async function proxiedPerson(
  context: Context<ApiEnv>,
  { store, internalToken }: Pick<ApiDependencies, 'store' | 'internalToken'>,
): Promise<Identity | null> {
  const said = context.req.header(personHeader);
  if (said === undefined) return null;
  if (!isInternalSecret(context.req.header(proofHeader) ?? '', internalToken)) return null;
  const name = personNamed(said);
  if (name === null) return null;
  const found =
    (await store.people.find(name)) ??
    (await store.people.put(name, {}, { actor: 'trusted proxy', role: 'user' })).person;
  if (found.disabled) return null;
  const { operator, roles } = found;
  return {
    caller: { person: name, operator, roles },
    via: 'proxy',
    credential: null,
    endsAt: null,
  };
}
