import { Hono } from 'hono';
import { operationIdSchema } from '../../model/api.ts';
import { LabError } from '../../model/failures.ts';
import { dnsLabelPattern } from '../../model/names.ts';
import type { Command } from '../../model/app-state.ts';
import type { Operation } from '../../store/ports.ts';
import type { AppActions } from '../app-actions.ts';
import type { ApiEnv } from '../dependencies.ts';

const verbs: Readonly<Record<string, { verb: Command; why: string } | undefined>> = {
  start: { verb: 'wake', why: 'started on its page' },
  stop: { verb: 'sleep', why: 'stopped on its page' },
  restart: { verb: 'restart', why: 'restarted on its page' },
  remove: { verb: 'remove', why: 'removed on its page' },
};

/** What the buttons of an app's page send. The answer is the page to see next. */
export function appForms(actions: AppActions): Hono<ApiEnv> {
  return new Hono<ApiEnv>().post('/manage/app/:name/:action', async (context) => {
    const { name, action } = context.req.param();
    if (!dnsLabelPattern.test(name)) throw new LabError('not_found', `there is no app ${name}`);
    const { key } = await context.req.parseBody();
    const operationId = operationIdSchema.safeParse(key);
    const actor = context.get('actor');
    const common = { name, operationId: operationId.data };
    const given = verbs[action];
    let operation: Operation;
    if (given !== undefined) {
      const { verb, why } = given;
      operation = await actions.command({ ...common, verb, cause: { actor, why } });
    } else if (action === 'keep-awake') {
      operation = await actions.keepAwake({
        ...common,
        cause: { actor, why: 'kept awake on its page' },
      });
    } else {
      throw new LabError('not_found', `there is no action ${action}`);
    }
    const page = action === 'remove' ? '/manage' : `/manage/app/${name}`;
    return context.redirect(`${page}?operation=${encodeURIComponent(operation.id)}`, 303);
  });
}
