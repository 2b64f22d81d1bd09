import { Hono, type Context } from 'hono';
import { LabError } from '../../model/failures.ts';
import {
  personChangeSchema,
  personNameSchema,
  roleSchema,
  spaceNameSchema,
} from '../../model/person.ts';
import type { LoginLinkJson } from '../../model/people-api.ts';
import type { LoginLinks } from '../auth/login-links.ts';
import type { ApiDependencies, ApiEnv } from '../dependencies.ts';
import { personJson } from '../present-people.ts';
import { checked } from '../problem.ts';
import { attempt, checkedField, formShown, sentBy, type RefusedForm, type Sent } from './forms.ts';
import { pageOf, searchIn } from './paging.ts';
import { peoplePage } from './people-page.tsx';
import { personPage } from './person-page.tsx';

const rowsOfPage = 50;
const spacesToChoose = 200;

/** `/manage/people` and `/manage/person/{name}`, for operators. */
export function peoplePages(
  { store }: Pick<ApiDependencies, 'store'>,
  links: LoginLinks,
): Hono<ApiEnv> {
  const list = async (context: Context<ApiEnv>, more: Shown = {}): Promise<Response> => {
    const search = searchIn(context.req.query('search'));
    const after = personNameSchema.safeParse(context.req.query('after')).data;
    const rows = await store.people.list({
      ...(search === '' ? {} : { search }),
      ...(after === undefined ? {} : { after }),
      limit: rowsOfPage + 1,
    });
    const { items, next } = pageOf(rows.map(personJson), rowsOfPage, ({ name }) => name);
    const page = peoplePage({
      identity: context.get('identity'),
      people: items,
      search,
      next,
      form: formShown('invite', more.refused ?? null),
      link: more.link ?? null,
    });
    return context.html(page, more.refused?.status ?? 200);
  };

  const show = async (context: Context<ApiEnv>, more: Shown = {}): Promise<Response> => {
    const name = nameIn(context);
    const [person, spaces] = await Promise.all([
      store.people.find(name),
      store.spaces.list({ limit: spacesToChoose }),
    ]);
    if (person === null) throw new LabError('not_found', `there is no person ${name}`);
    const { refused = null, link = null } = more;
    const page = personPage({
      identity: context.get('identity'),
      person: personJson(person),
      spaces: spaces.map((space) => space.name),
      change: formShown('person', refused, {
        title: person.title,
        operator: person.operator ? 'on' : '',
      }),
      role: formShown('role', refused, { role: 'user' }),
      access: formShown('access', refused),
      link,
      done: context.req.query('done') ?? '',
    });
    return context.html(page, refused?.status ?? 200);
  };

  const changeOf = async (context: Context<ApiEnv>, name: string, change: unknown) =>
    store.people.put(name, checked('form', personChangeSchema, change), {
      actor: context.get('actor'),
      role: 'user',
    });

  return new Hono<ApiEnv>()
    .get('/manage/people', (context) => list(context))
    .post('/manage/people', async (context) => {
      const sent = await sentBy(context);
      const tried = await attempt({ name: 'invite', sent, blames: 'name' }, async () => {
        const name = checkedField('name', personNameSchema, sent['name']?.trim());
        if ((await store.people.find(name)) !== null) {
          throw new LabError(
            'conflict',
            `${name} is here already; make a login link on their own page`,
          );
        }
        await changeOf(context, name, titleIn(sent));
        return links.make(name, { actor: context.get('actor') });
      });
      return list(context, 'refused' in tried ? tried : { link: tried.done });
    })
    .get('/manage/person/:person', (context) => show(context))
    .post('/manage/person/:person', async (context) => {
      const name = nameIn(context);
      const sent = await sentBy(context);
      const tried = await attempt({ name: 'person', sent, blames: 'operator' }, () =>
        changeOf(context, name, { ...titleIn(sent), operator: sent['operator'] === 'on' }),
      );
      return 'refused' in tried ? show(context, tried) : back(context, name, 'changed');
    })
    .post('/manage/person/:person/access', async (context) => {
      const name = nameIn(context);
      const sent = await sentBy(context);
      const disabled = sent['disabled'] === 'true';
      const tried = await attempt({ name: 'access', sent }, () =>
        changeOf(context, name, { disabled }),
      );
      if ('refused' in tried) return show(context, tried);
      return back(context, name, disabled ? 'disabled' : 'enabled');
    })
    .post('/manage/person/:person/roles', async (context) => {
      const name = nameIn(context);
      const sent = await sentBy(context);
      const tried = await attempt({ name: 'role', sent, blames: 'space' }, async () => {
        const space = checkedField('space', spaceNameSchema, sent['space']);
        const role = sent['role'] === '' ? null : checkedField('role', roleSchema, sent['role']);
        await store.spaces.setRole(space, name, role, { actor: context.get('actor') });
      });
      return 'refused' in tried ? show(context, tried) : back(context, name, 'role');
    })
    .post('/manage/person/:person/login-link', async (context) => {
      const name = nameIn(context);
      return show(context, { link: await links.make(name, { actor: context.get('actor') }) });
    });
}

interface Shown {
  refused?: RefusedForm;
  /** Just made: shown this once. */
  link?: LoginLinkJson;
}

/** A name that nobody can have names nobody. */
function nameIn(context: Context<ApiEnv>): string {
  const name = context.req.param('person') ?? '';
  if (!personNameSchema.safeParse(name).success) {
    throw new LabError('not_found', `there is no person ${name}`);
  }
  return name;
}

/** An empty title is none. */
function titleIn(sent: Sent): { title?: string } {
  const title = sent['title']?.trim() ?? '';
  return title === '' ? {} : { title };
}

function back(context: Context<ApiEnv>, name: string, done: string): Response {
  return context.redirect(`/manage/person/${encodeURIComponent(name)}?done=${done}`, 303);
}
