import { randomUUID } from 'node:crypto';
import { Hono, type Context } from 'hono';
import { LabError } from '../../model/failures.ts';
import { nameSchema } from '../../model/name-schema.ts';
import { volumeEntity } from '../../model/names.ts';
import { may, spacesOf } from '../../model/roles.ts';
import { volumeBodySchema, type VolumeBody } from '../../model/volume-api.ts';
import type { ApiDependencies, ApiEnv } from '../dependencies.ts';
import { volumeJson } from '../present.ts';
import { checked, Problem } from '../problem.ts';
import { putVolume } from '../volume-actions.ts';
import { attempt, checkedField, formShown, sentBy, type RefusedForm, type Sent } from './forms.ts';
import { pageOf } from './paging.ts';
import { removedPage } from './removed-page.tsx';
import { readTimeline } from './timeline.tsx';
import { volumePage } from './volume-page.tsx';
import { volumesPage } from './volumes-page.tsx';

const rowsOfPage = 50;
const spacesToChoose = 200;
const GiB = 1024 ** 3;

/** `/manage/volumes` and `/manage/volume/{name}`: folders that outlive apps. */
export function volumePages({ store }: Pick<ApiDependencies, 'store'>): Hono<ApiEnv> {
  const list = async (
    context: Context<ApiEnv>,
    refused: RefusedForm | null = null,
  ): Promise<Response> => {
    const identity = context.get('identity');
    const seen = spacesOf(identity.caller, 'volume.see');
    const made = spacesOf(identity.caller, 'volume.create');
    const after = nameSchema.safeParse(context.req.query('after')).data;
    const [rows, spaces] = await Promise.all([
      store.volumes.list({
        ...(seen === null ? {} : { spaces: seen }),
        ...(after === undefined ? {} : { after }),
        limit: rowsOfPage + 1,
      }),
      store.spaces.list({ ...(made === null ? {} : { names: made }), limit: spacesToChoose }),
    ]);
    const { items, next } = pageOf(rows, rowsOfPage, ({ name }) => name);
    const page = volumesPage({
      identity,
      volumes: items.map(volumeJson),
      next,
      spaces: spaces.map(({ name }) => name),
      form: formShown('volume', refused),
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
    const before = context.req.query('before');
    const [volume, timeline] = await Promise.all([
      store.volumes.find(name),
      readTimeline(store.events, { entity: volumeEntity(name), before }),
    ]);
    if (volume === null) {
      if (timeline.events.length === 0) throw unknown(name);
      const page = removedPage({
        ...{ identity, name, timeline, section: 'volumes', path: `/manage/volume/${name}` },
        sentence: 'It was removed with everything in it.',
      });
      return context.html(page, 404);
    }
    const page = volumePage({
      identity,
      volume: volumeJson(volume),
      timeline,
      mayRead: may(identity.caller, 'volume.read', volume),
      mayChange: may(identity.caller, 'volume.change', volume),
      change: formShown('change', refused, {
        title: volume.title ?? '',
        maxBytes: String(Math.round((volume.maxBytes / GiB) * 1000) / 1000),
      }),
      removal: formShown('removal', refused),
      done: context.req.query('done') ?? '',
    });
    return context.html(page, refused?.status ?? 200);
  };

  const put = async (context: Context<ApiEnv>, name: string, wish: VolumeBody) =>
    putVolume(
      { store },
      {
        name,
        wish: checked('form', volumeBodySchema, wish),
        caller: context.get('identity').caller,
        actor: context.get('actor'),
      },
    );

  return new Hono<ApiEnv>()
    .get('/manage/volumes', (context) => list(context))
    .post('/manage/volumes', async (context) => {
      const sent = await sentBy(context);
      const tried = await attempt({ name: 'volume', sent, blames: 'name' }, async () => {
        const name = checkedField('name', nameSchema, sent['name']?.trim());
        const space = checkedField('space', nameSchema, sent['space']);
        if ((await store.volumes.find(name)) !== null) {
          throw new LabError(
            'conflict',
            `cannot make volume/${name}: the name is taken; choose another`,
          );
        }
        await put(context, name, { ...wishIn(sent), space });
        return name;
      });
      if ('refused' in tried) return list(context, tried.refused);
      return back(context, tried.done, 'created');
    })
    .get('/manage/volume/:name', (context) => show(context))
    .post('/manage/volume/:name', async (context) => {
      const name = nameIn(context);
      const sent = await sentBy(context);
      const tried = await attempt({ name: 'change', sent }, () => put(context, name, wishIn(sent)));
      return 'refused' in tried ? show(context, tried.refused) : back(context, name, 'changed');
    })
    .post('/manage/volume/:name/remove', async (context) => {
      const name = nameIn(context);
      const sent = await sentBy(context);
      const tried = await attempt({ name: 'removal', sent }, async () => {
        requireNamed(name, sent);
        return store.volumes.remove({
          name,
          actor: context.get('actor'),
          why: 'removed on its page',
          operationId: randomUUID(),
        });
      });
      if ('refused' in tried) return show(context, tried.refused);
      const isOver = tried.done.state === 'succeeded';
      return isOver
        ? context.redirect('/manage/volumes?done=removed', 303)
        : back(context, name, 'removing');
    });
}

/** Whoever removes everything in it writes its name: a slip of the hand does not. */
function requireNamed(name: string, sent: Sent): void {
  if (sent['confirm']?.trim() === name) return;
  const message = `write ${name} to remove it`;
  throw new Problem('invalid', message, { errors: [{ path: 'confirm', message }] });
}

function nameIn(context: Context<ApiEnv>): string {
  const name = context.req.param('name') ?? '';
  if (nameSchema.safeParse(name).success) return name;
  throw unknown(name);
}

const unknown = (name: string) => new LabError('not_found', `there is no volume ${name}`);

/** An empty title or limit is the default. The form has the limit in GiB. */
function wishIn(sent: Sent): VolumeBody {
  const title = sent['title']?.trim() ?? '';
  const limit = sent['maxBytes']?.trim() ?? '';
  return {
    ...(title === '' ? {} : { title }),
    ...(limit === '' ? {} : { maxBytes: bytesOf(limit) }),
  };
}

function bytesOf(limit: string): number {
  if (/^\d{1,7}(?:\.\d{1,6})?$/.test(limit)) return Math.round(Number(limit) * GiB);
  const message = 'must be a number of GiB, such as 20 or 0.5';
  throw new Problem('invalid', `maxBytes ${message}`, { errors: [{ path: 'maxBytes', message }] });
}

function back(context: Context<ApiEnv>, name: string, done: string): Response {
  return context.redirect(`/manage/volume/${name}?done=${done}`, 303);
}
