import { Hono, type Context } from 'hono';
import { LabError } from '../../model/failures.ts';
import {
  personNameSchema,
  roleSchema,
  spaceChangeSchema,
  spaceNameSchema,
} from '../../model/person.ts';
import { may, spacesOf } from '../../model/roles.ts';
import type { ApiDependencies, ApiEnv } from '../dependencies.ts';
import { checked, Problem } from '../problem.ts';
import { attempt, checkedField, formShown, sentBy, type RefusedForm, type Sent } from './forms.ts';
import { pageOf } from './paging.ts';
import { spacePage } from './space-page.tsx';
import { spacesPage } from './spaces-page.tsx';

const rowsOfPage = 50;

/** `/manage/spaces` and `/manage/space/{name}`: courses and projects, their members and quotas. */
export function spacePages({ store }: Pick<ApiDependencies, 'store'>): Hono<ApiEnv> {
  const list = async (
    context: Context<ApiEnv>,
    refused: RefusedForm | null = null,
  ): Promise<Response> => {
    const identity = context.get('identity');
    const after = spaceNameSchema.safeParse(context.req.query('after')).data;
    const names = spacesOf(identity.caller, 'space.see');
    const rows = await store.spaces.list({
      ...(names === null ? {} : { names }),
      ...(after === undefined ? {} : { after }),
      limit: rowsOfPage + 1,
    });
    const { items, next } = pageOf(rows, rowsOfPage, ({ name }) => name);
    const page = spacesPage({
      identity,
      spaces: items,
      next,
      form: formShown('space', refused),
      done: context.req.query('done') ?? '',
    });
    return context.html(page, refused?.status ?? 200);
  };

  const show = async (
    context: Context<ApiEnv>,
    refused: RefusedForm | null = null,
  ): Promise<Response> => {
    const name = nameIn(context);
    const identity = context.get('identity');
    const after = personNameSchema.safeParse(context.req.query('after')).data;
    const [space, rows] = await Promise.all([
      store.spaces.find(name),
      store.spaces.members(name, {
        ...(after === undefined ? {} : { after }),
        limit: rowsOfPage + 1,
      }),
    ]);
    if (space === null) throw new LabError('not_found', `there is no space ${name}`);
    const { items, next } = pageOf(rows, rowsOfPage, ({ person }) => person);
    const page = spacePage({
      identity,
      space,
      members: items,
      next,
      mayManage: may(identity.caller, 'space.manage', { space: name, owner: null }),
      mayChange: identity.caller.operator,
      member: formShown('member', refused, { role: 'user' }),
      change: formShown('change', refused, {
        title: space.title,
        maxApps: String(space.maxApps ?? ''),
        maxAwakeApps: String(space.maxAwakeApps ?? ''),
        maxRunningJobs: String(space.maxRunningJobs ?? ''),
        maxQueuedJobs: String(space.maxQueuedJobs ?? ''),
      }),
      removal: formShown('removal', refused),
      done: context.req.query('done') ?? '',
    });
    return context.html(page, refused?.status ?? 200);
  };

  const change = async (context: Context<ApiEnv>, name: string, sent: Sent) =>
    store.spaces.put(name, checked('form', spaceChangeSchema, changeIn(sent)), {
      actor: context.get('actor'),
    });

  return new Hono<ApiEnv>()
    .get('/manage/spaces', (context) => list(context))
    .post('/manage/spaces', async (context) => {
      const sent = await sentBy(context);
      const tried = await attempt({ name: 'space', sent, blames: 'name' }, async () => {
        const name = checkedField('name', spaceNameSchema, sent['name']?.trim());
        if ((await store.spaces.find(name)) !== null) {
          throw new LabError('conflict', `there is a space ${name} already`);
        }
        await change(context, name, sent);
        return name;
      });
      if ('refused' in tried) return list(context, tried.refused);
      return back(context, tried.done, 'created');
    })
    .get('/manage/space/:space', (context) => show(context))
    .post('/manage/space/:space', async (context) => {
      const name = nameIn(context);
      const sent = await sentBy(context);
      const tried = await attempt({ name: 'change', sent }, () => change(context, name, sent));
      return 'refused' in tried ? show(context, tried.refused) : back(context, name, 'changed');
    })
    .post('/manage/space/:space/members', async (context) => {
      const name = nameIn(context);
      const sent = await sentBy(context);
      const tried = await attempt({ name: 'member', sent, blames: 'person' }, async () => {
        const person = checkedField('person', personNameSchema, sent['person']?.trim());
        const role = checkedField('role', roleSchema, sent['role']);
        await store.spaces.setRole(name, person, role, { actor: context.get('actor') });
      });
      return 'refused' in tried ? show(context, tried.refused) : back(context, name, 'member');
    })
    .post('/manage/space/:space/members/:person/remove', async (context) => {
      const name = nameIn(context);
      const { actor, identity } = {
        actor: context.get('actor'),
        identity: context.get('identity'),
      };
      const person = checked('path', personNameSchema, context.req.param('person'));
      await store.spaces.setRole(name, person, null, { actor });
      // Who took the own role away cannot see this space any more.
      const isStillSeen = identity.caller.operator || person !== identity.caller.person;
      return isStillSeen
        ? back(context, name, 'gone')
        : context.redirect('/manage/spaces?done=left', 303);
    })
    .post('/manage/space/:space/remove', async (context) => {
      const name = nameIn(context);
      const sent = await sentBy(context);
      const tried = await attempt({ name: 'removal', sent }, () =>
        store.spaces.remove(name, { actor: context.get('actor') }),
      );
      if ('refused' in tried) return show(context, tried.refused);
      return context.redirect('/manage/spaces?done=removed', 303);
    });
}

function nameIn(context: Context<ApiEnv>): string {
  const name = context.req.param('space') ?? '';
  if (!spaceNameSchema.safeParse(name).success) {
    throw new LabError('not_found', `there is no space ${name}`);
  }
  return name;
}

/** An empty title is none, an empty quota no limit. Throws `invalid` that names the field. */
function changeIn(sent: Sent) {
  const title = sent['title']?.trim() ?? '';
  return {
    ...(title === '' ? {} : { title }),
    maxApps: quotaIn('maxApps', sent),
    maxAwakeApps: quotaIn('maxAwakeApps', sent),
    maxRunningJobs: quotaIn('maxRunningJobs', sent),
    maxQueuedJobs: quotaIn('maxQueuedJobs', sent),
  };
}

function quotaIn(field: string, sent: Sent): number | null {
  const text = sent[field]?.trim() ?? '';
  if (text === '') return null;
  if (/^\d{1,7}$/.test(text)) return Number(text);
  const message = 'must be a whole number up to 1000000, or empty for no limit';
  throw new Problem('invalid', `${field} ${message}`, { errors: [{ path: field, message }] });
}

function back(context: Context<ApiEnv>, name: string, done: string): Response {
  return context.redirect(`/manage/space/${name}?done=${done}`, 303);
}
