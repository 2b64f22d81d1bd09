import { Hono, type Context } from 'hono';
import { LabError } from '../../model/failures.ts';
import { nameSchema } from '../../model/name-schema.ts';
import { spaceNameSchema } from '../../model/person.ts';
import { registryHostSchema } from '../../model/registry.ts';
import { may, spacesOf } from '../../model/roles.ts';
import { registryBodySchema, secretBodySchema } from '../../model/secret-api.ts';
import { defaultSpace } from '../../model/secret-sources.ts';
import type { SecretKind } from '../../store/secret-ports.ts';
import type { ApiDependencies, ApiEnv } from '../dependencies.ts';
import { registryJson, secretJson } from '../present-secrets.ts';
import type { SecretActions } from '../secret-actions.ts';
import { attempt, checkedField, formShown, sentBy, type RefusedForm } from './forms.ts';
import { pageOf } from './paging.ts';
import { noSecretsPage, secretsPage } from './secrets-page.tsx';
import { secretsPath } from './secrets-path.ts';

const rowsOfPage = 50;
const spacesToChoose = 200;
/** What names of each kind look like. */
const schemas = { value: nameSchema, registry: registryHostSchema } as const;

/** `/manage/secrets` and `/manage/space/{name}/secrets`: what is set, never what it is. */
export function secretPages(
  { store }: Pick<ApiDependencies, 'store'>,
  actions: SecretActions,
): Hono<ApiEnv> {
  const show = async (
    context: Context<ApiEnv>,
    refused: RefusedForm | null = null,
  ): Promise<Response> => {
    const space = spaceIn(context);
    const identity = context.get('identity');
    const names = spacesOf(identity.caller, 'secret.see');
    const [spaces, found, secrets, registries] = await Promise.all([
      store.spaces.list({ ...(names === null ? {} : { names }), limit: spacesToChoose }),
      store.spaces.find(space),
      read(context, space, 'value'),
      read(context, space, 'registry'),
    ]);
    if (found === null) throw new LabError('not_found', `there is no space ${space}`);
    const page = secretsPage({
      identity,
      space,
      spaces: spaces.map(({ name }) => name),
      secrets: { items: secrets.items.map(secretJson), next: secrets.next },
      registries: { items: registries.items.map(registryJson), next: registries.next },
      mayChangeRegistries: may(identity.caller, 'registry.change', { space, owner: null }),
      secret: formShown('secret', refused, { name: offeredName(context) }),
      registry: formShown('registry', refused),
      removal: formShown('removal', refused),
      done: context.req.query('done') ?? '',
    });
    return context.html(page, refused?.status ?? 200);
  };

  /** A page of one kind; each goes on by a name of its own in the address. */
  const read = async (context: Context<ApiEnv>, space: string, kind: SecretKind) => {
    const after = schemas[kind].safeParse(context.req.query(`after-${kind}`)).data;
    const rows = await store.secrets.list({
      space,
      kind,
      ...(after === undefined ? {} : { after }),
      limit: rowsOfPage + 1,
    });
    return pageOf(rows, rowsOfPage, ({ name }) => name);
  };

  const remove = (kind: SecretKind) => async (context: Context<ApiEnv>) => {
    const space = spaceIn(context);
    const sent = await sentBy(context);
    const tried = await attempt({ name: 'removal', sent }, () =>
      store.secrets.remove({ space, kind, name: nameIn(context, kind) }, context.get('actor')),
    );
    return 'refused' in tried ? show(context, tried.refused) : back(context, space, 'removed');
  };

  return new Hono<ApiEnv>()
    .get('/manage/secrets', (context) => {
      const { caller } = context.get('identity');
      const spaces = spacesOf(caller, 'secret.see') ?? [defaultSpace];
      const space = spaces.includes(defaultSpace) ? defaultSpace : spaces[0];
      if (space !== undefined) return context.redirect(secretsPath(space), 303);
      return context.html(noSecretsPage(context.get('identity')));
    })
    .get('/manage/space/:space/secrets', (context) => show(context))
    .post('/manage/space/:space/secrets', async (context) => {
      const space = spaceIn(context);
      const sent = await sentBy(context);
      const form = { name: 'secret', sent, blames: 'value', secret: ['value'] };
      const tried = await attempt(form, async () => {
        const name = checkedField('name', nameSchema, sent['name']?.trim());
        const text = asTyped(sent['value']);
        const value = checkedField('value', secretBodySchema.shape.value, text);
        return actions.setValue({ space, name, value, actor: context.get('actor') });
      });
      if ('refused' in tried) return show(context, tried.refused);
      return back(context, space, tried.done.outcome);
    })
    .post('/manage/space/:space/secrets/:name/remove', remove('value'))
    .post('/manage/space/:space/registries', async (context) => {
      const space = spaceIn(context);
      const sent = await sentBy(context);
      const form = { name: 'registry', sent, blames: 'password', secret: ['password'] };
      const tried = await attempt(form, async () => {
        const { username, password } = registryBodySchema.shape;
        return actions.setRegistry({
          space,
          host: checkedField('host', registryHostSchema, sent['host']?.trim()),
          username: checkedField('username', username, sent['username']?.trim()),
          password: checkedField('password', password, sent['password']),
          actor: context.get('actor'),
        });
      });
      if ('refused' in tried) return show(context, tried.refused);
      return back(context, space, tried.done.outcome);
    })
    .post('/manage/space/:space/registries/:name/remove', remove('registry'));
}

function spaceIn(context: Context<ApiEnv>): string {
  const space = context.req.param('space') ?? '';
  if (spaceNameSchema.safeParse(space).success) return space;
  throw new LabError('not_found', `there is no space ${space}`);
}

/** The name that somebody was sent here to set. */
const offeredName = (context: Context<ApiEnv>): string =>
  nameSchema.safeParse(context.req.query('name')).data ?? '';

function nameIn(context: Context<ApiEnv>, kind: SecretKind): string {
  const name = context.req.param('name') ?? '';
  if (schemas[kind].safeParse(name).success) return name;
  throw new LabError('not_found', `there is no secret ${name}`);
}

/** Forms send a line's end as two characters, whatever was typed. */
const asTyped = (text: string | undefined): string => (text ?? '').replaceAll('\r\n', '\n');

function back(context: Context<ApiEnv>, space: string, done: string): Response {
  return context.redirect(`${secretsPath(space)}?done=${done}`, 303);
}
