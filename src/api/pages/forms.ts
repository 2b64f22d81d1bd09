import { Hono, type Context } from 'hono';
import { operationIdSchema } from '../../model/api.ts';
import { LabError } from '../../model/failures.ts';
import { dnsLabelPattern } from '../../model/names.ts';
import type { Command } from '../../model/app-state.ts';
import type { Operation } from '../../store/ports.ts';
import type { AppActions } from '../app-actions.ts';
import type { ApiEnv } from '../dependencies.ts';

/** What the buttons of an app's page send. The answer is the page to see next. */
export function appForms(actions: AppActions): Hono<ApiEnv> {
  const command = (verb: Command, why: string) => async (context: Context<ApiEnv>) => {
    const sent = await sentBy(context);
    const cause = { actor: context.get('actor'), why };
    const operation = await actions.command({ ...sent, verb, cause });
    return seeOther(context, verb === 'remove' ? '/manage' : `/manage/app/${sent.name}`, operation);
  };
  return new Hono<ApiEnv>()
    .post('/manage/app/:name/start', command('wake', 'started on its page'))
    .post('/manage/app/:name/stop', command('sleep', 'stopped on its page'))
    .post('/manage/app/:name/restart', command('restart', 'restarted on its page'))
    .post('/manage/app/:name/remove', command('remove', 'removed on its page'))
    .post('/manage/app/:name/keep-awake', async (context) => {
      const sent = await sentBy(context);
      const cause = { actor: context.get('actor'), why: 'kept awake on its page' };
      const operation = await actions.keepAwake({ ...sent, cause });
      return seeOther(context, `/manage/app/${sent.name}`, operation);
    });
}

/** The app, and the key that makes a double click one command. */
async function sentBy(context: Context<ApiEnv>) {
  const name = context.req.param('name') ?? '';
  if (!dnsLabelPattern.test(name)) throw new LabError('not_found', `there is no app ${name}`);
  const { key } = await context.req.parseBody();
  return { name, operationId: operationIdSchema.safeParse(key).data };
}

function seeOther(context: Context<ApiEnv>, page: string, operation: Operation): Response {
  return context.redirect(`${page}?operation=${encodeURIComponent(operation.id)}`, 303);
}
