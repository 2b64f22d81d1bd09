import { createHash } from 'node:crypto';
import { Hono, type Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { AppPlanJson } from '../../model/api.ts';
import { appSpecSchema, type AppSpec, type AppSpecInput } from '../../model/app-spec.ts';
import { appStarts } from '../../model/app-starts.ts';
import { canonicalJson } from '../../model/canonical-json.ts';
import { isLabError, LabError } from '../../model/failures.ts';
import { nameSchema } from '../../model/name-schema.ts';
import { dnsLabelPattern } from '../../model/names.ts';
import { may, spacesOf, type Caller } from '../../model/roles.ts';
import type { App } from '../../store/ports.ts';
import type { AppActions } from '../app-actions.ts';
import type { ApiDependencies, ApiEnv } from '../dependencies.ts';
import { problemTable } from '../problem.ts';
import { readAppForm, writeAppForm, type FormValues, type Mistake } from './app-form.ts';
import { fieldOf } from './app-fields.ts';
import { sentBy } from './forms.ts';
import { appFormPage, type AppFormFacts } from './app-form-page.tsx';

/** Spaces, secrets and volumes that the form offers by name. */
const offered = 100;

/** What is known of a form beside what somebody typed into it. */
type Facts = Pick<
  AppFormFacts,
  'values' | 'mistakes' | 'trouble' | 'plan' | 'reviewed' | 'isRefused'
>;

/** `/manage/apps/new` and `/manage/app/{name}/edit`: register and change by form. */
export function appFormRoutes(
  { store }: Pick<ApiDependencies, 'store'>,
  actions: AppActions,
): Hono<ApiEnv> {
  const show = async (
    context: Context<ApiEnv>,
    name: string | null,
    facts: Facts,
    status: ContentfulStatusCode = 200,
  ) => {
    const identity = context.get('identity');
    const { caller } = identity;
    const spaces = await spacesFor(caller);
    const space = facts.values['space'] ?? '';
    const start = appStarts.find(({ id }) => id === context.req.query('start')) ?? null;
    const offers = name === null || spaces.includes(space) ? spaces : [space, ...spaces];
    const known = await knownNames(caller, space);
    const page = appFormPage({ identity, name, start, spaces: offers, known, ...facts });
    return context.html(page, status, { 'cache-control': 'no-store' });
  };

  const spacesFor = async (caller: Caller): Promise<string[]> => {
    const names = spacesOf(caller, 'app.register');
    const found = await store.spaces.list({ ...(names === null ? {} : { names }), limit: offered });
    return found.map(({ name }) => name);
  };

  /** What fields may name, as far as the caller may know of it. */
  const knownNames = async (caller: Caller, space: string): Promise<AppFormFacts['known']> => {
    const subject = { space, owner: null };
    const [secrets, volumes] = await Promise.all([
      may(caller, 'secret.see', subject)
        ? store.secrets.list({ space, kind: 'value', limit: offered })
        : [],
      may(caller, 'volume.see', subject)
        ? store.volumes.list({ spaces: [space], limit: offered })
        : [],
    ]);
    return { secrets: secrets.map(({ name }) => name), volumes: volumes.map(({ name }) => name) };
  };

  /** Refuses before a form is filled in, rather than after. */
  const requireRegistrar = async (caller: Caller): Promise<void> => {
    const spaces = spacesOf(caller, 'app.register');
    if (spaces === null || spaces.length > 0) return;
    throw new LabError(
      'forbidden',
      `${caller.person} may not register apps: that needs the role instructor in a space`,
    );
  };

  /** Check tells what Save would do; Save does it once that was seen. */
  const submitted = async (context: Context<ApiEnv>, app: App | null): Promise<Response> => {
    const { caller } = context.get('identity');
    const values = await sentBy(context);
    const isSave = values['step'] !== 'check';
    const read = readAll(values, app);
    if ('mistakes' in read) {
      const facts = { ...nothing, values, mistakes: read.mistakes, isRefused: isSave };
      return show(context, app?.name ?? null, facts, isSave ? 400 : 200);
    }
    const { name, spec } = read;
    try {
      const plan = await actions.plan({ name, spec, caller });
      const reviewed = seal(plan, spec);
      const isSeen = app === null || plan.effect === 'nothing' || values['reviewed'] === reviewed;
      if (!isSave || !isSeen) {
        const facts = { ...nothing, values, plan, reviewed, isRefused: isSave };
        return await show(context, app?.name ?? null, facts);
      }
      const expectedRevision = app === null ? 0 : plan.specRevision;
      const { operation } = await actions.register({ name, spec, caller, expectedRevision });
      const query = operation === null ? '' : `?operation=${encodeURIComponent(operation.id)}`;
      return context.redirect(`/manage/app/${name}${query}`, 303);
    } catch (error) {
      if (!isLabError(error)) throw error;
      const mistakes = fieldsOf(error);
      const trouble = mistakes.length === 0 ? `${error.message}.` : null;
      const facts = { ...nothing, values, mistakes, trouble, isRefused: true };
      const { status } = problemTable[error.type];
      return show(context, app?.name ?? null, facts, status as ContentfulStatusCode);
    }
  };

  return new Hono<ApiEnv>()
    .get('/manage/apps/new', async (context) => {
      const { caller } = context.get('identity');
      await requireRegistrar(caller);
      const start = appStarts.find(({ id }) => id === context.req.query('start')) ?? appStarts[0];
      const [first = ''] = await spacesFor(caller);
      const space = may(caller, 'app.register', { space: 'default', owner: null })
        ? 'default'
        : first;
      return show(context, null, { ...nothing, values: newValues(start?.spec, space) });
    })
    .post('/manage/apps/new', async (context) => {
      await requireRegistrar(context.get('identity').caller);
      return submitted(context, null);
    })
    .get('/manage/app/:name/edit', async (context) => {
      const app = await findApp(actions, context.req.param('name'));
      return show(context, app.name, { ...nothing, values: writeAppForm(app.spec) });
    })
    .post('/manage/app/:name/edit', async (context) =>
      submitted(context, await findApp(actions, context.req.param('name'))),
    );
}

const nothing: Omit<Facts, 'values'> = {
  mistakes: [],
  trouble: null,
  plan: null,
  reviewed: '',
  isRefused: false,
};

async function findApp(actions: AppActions, name: string): Promise<App> {
  if (dnsLabelPattern.test(name)) return actions.find(name);
  throw new LabError('not_found', `there is no app ${name}`);
}

function newValues(spec: AppSpecInput | undefined, space: string): FormValues {
  return { ...writeAppForm(appSpecSchema.parse(spec)), space, name: '' };
}

/** Name and definition, or every mistake in them. */
function readAll(
  values: FormValues,
  app: App | null,
): { name: string; spec: AppSpec } | { mistakes: Mistake[] } {
  const read = readAppForm(values, app?.spec ?? null);
  const name = nameSchema.safeParse(app?.name ?? values['name']?.trim() ?? '');
  const wrongName = (name.error?.issues ?? []).map(({ message }) => ({ path: 'name', message }));
  if (name.success && 'spec' in read) return { name: name.data, spec: read.spec };
  return { mistakes: [...wrongName, ...('mistakes' in read ? read.mistakes : [])] };
}

/** Names a plan: the definition it is made from, and the one it leads to. */
function seal({ specRevision }: AppPlanJson, spec: AppSpec): string {
  return createHash('sha256')
    .update(`${specRevision} ${canonicalJson(spec)}`)
    .digest('hex')
    .slice(0, 16);
}

/** Mistakes that only the store can find, beside their controls. */
function fieldsOf({ details }: LabError): Mistake[] {
  const { errors } = details as { errors?: Mistake[] };
  if (!Array.isArray(errors)) return [];
  return errors.map(({ path, message }) => ({ path: fieldOf(path)?.path ?? '', message }));
}
