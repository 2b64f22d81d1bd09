import { Hono, type Context } from 'hono';
import { endedSessionSchema } from '../../model/people-api.ts';
import { newTokenSchema } from '../../model/person.ts';
import type { Identity } from '../auth/identify.ts';
import type { ApiDependencies, ApiEnv } from '../dependencies.ts';
import { sessionJson, tokenJson } from '../present-people.ts';
import { checked } from '../problem.ts';
import type { TokenActions } from '../token-actions.ts';
import { accountPage, type AccountShown } from './account-page.tsx';
import { attempt, formShown, sentBy, type RefusedForm } from './forms.ts';

const listedTokens = 200;

/** `/account`: one's own profile, tokens and logins. The API's own functions do what its forms ask for. */
export function account(
  { store }: Pick<ApiDependencies, 'store'>,
  tokens: TokenActions,
): Hono<ApiEnv> {
  const show = async (
    context: Context<ApiEnv>,
    more: { refused?: RefusedForm; made?: AccountShown['made'] } = {},
  ): Promise<Response> => {
    const identity = context.get('identity');
    const name = personOf(identity);
    const { refused = null, made = null } = more;
    const [person, sessions, kept] = await Promise.all([
      store.people.find(name),
      store.sessions.list(name),
      store.tokens.list({ person: name, limit: listedTokens }),
    ]);
    const page = accountPage({
      identity,
      title: person?.title ?? name,
      sessions: sessions.map((session) => sessionJson(session, identity.credential)),
      tokens: kept.map(tokenJson),
      form: formShown('token', refused, { expiresInMs: String(90 * 24 * 60 * 60 * 1000) }),
      made,
      done: context.req.query('done') ?? '',
    });
    return context.html(page, refused?.status ?? 200);
  };

  return new Hono<ApiEnv>()
    .get('/account', (context) => show(context))
    .post('/account/tokens', async (context) => {
      const sent = await sentBy(context);
      const tried = await attempt({ name: 'token', sent, blames: 'label' }, async () => {
        const { label = '', expiresInMs = '' } = sent;
        const wish = checked('form', newTokenSchema, { label, expiresInMs: Number(expiresInMs) });
        return tokens.make(context.get('identity'), wish);
      });
      if ('refused' in tried) return show(context, { refused: tried.refused });
      const { token, text } = tried.done;
      return show(context, { made: { label: token.label, text } });
    })
    .post('/account/tokens/:id/revoke', async (context) => {
      await tokens.revoke(context.get('identity').caller, context.req.param('id'));
      return context.redirect('/account?done=revoked', 303);
    })
    .post('/account/sessions/:id/end', async (context) => {
      const id = checked('path', endedSessionSchema, context.req.param('id'));
      const person = personOf(context.get('identity'));
      await store.sessions.end(person, id === 'all' ? null : id, { actor: person });
      return context.redirect('/account?done=ended', 303);
    });
}

/** The routes ask for a person: one who is not known was refused before. */
function personOf({ caller }: Identity): string {
  if (caller.person === null) throw new Error('nobody asks for an account');
  return caller.person;
}
