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
    const { name, operationId, isFromManage } = await commandSentBy(context);
    const cause = { actor: context.get('actor'), why };
    const operation = await actions.command({ name, operationId, verb, cause });
    const goesBack = verb === 'remove' || isFromManage;
    return seeOther(context, goesBack ? '/manage' : `/manage/app/${name}`, operation);
  };
  return new Hono<ApiEnv>()
    .post('/manage/app/:name/start', command('wake', 'started on its page'))
    .post('/manage/app/:name/stop', command('sleep', 'stopped on its page'))
    .post('/manage/app/:name/restart', command('restart', 'restarted on its page'))
    .post('/manage/app/:name/remove', command('remove', 'removed on its page'))
    .post('/manage/app/:name/keep-awake', async (context) => {
      const { name, operationId } = await commandSentBy(context);
      const cause = { actor: context.get('actor'), why: 'kept awake on its page' };
      const operation = await actions.keepAwake({ name, operationId, cause });
      return seeOther(context, `/manage/app/${name}`, operation);
    });
}

/** The app, the key that makes a double click one command, and whether to go back to Manage. */
async function commandSentBy(context: Context<ApiEnv>) {
  const name = context.req.param('name') ?? '';
  if (!dnsLabelPattern.test(name)) throw new LabError('not_found', `there is no app ${name}`);
  const { key, back } = await context.req.parseBody();
  return {
    name,
    operationId: operationIdSchema.safeParse(key).data,
    isFromManage: back === 'manage',
  };
}

function seeOther(context: Context<ApiEnv>, page: string, operation: Operation): Response {
  return context.redirect(`${page}?operation=${encodeURIComponent(operation.id)}`, 303);
}
