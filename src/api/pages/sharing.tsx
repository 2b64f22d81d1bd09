import { Hono, type Context } from 'hono';
import type { AppJson } from '../../model/api.ts';
import { linkIdSchema } from '../../model/access.ts';
import type { AppLinkJson } from '../../model/people-api.ts';
import { newAppLinkSchema } from '../../model/person.ts';
import type { AppActions } from '../app-actions.ts';
import type { Identity } from '../auth/identify.ts';
import type { ApiDependencies, ApiEnv } from '../dependencies.ts';
import type { LinkActions } from '../link-actions.ts';
import { appFor } from '../present.ts';
import { appLinkJson } from '../present-people.ts';
import { checked } from '../problem.ts';
import { accessWords } from './access-words.ts';
import { DoneNotice, type DoneWords } from './done-notice.tsx';
import { FormSentence, Input, Select, ShownOnce } from './fields.tsx';
import { attempt, formShown, sentBy, type FormShown, type RefusedForm } from './forms.ts';
import { shell } from './shell.tsx';
import { Ago, Ahead } from './time.tsx';
import { lifetimeChoices, lifetimeOf } from './lifetimes.ts';
import { RowAction } from './row-action.tsx';

const listedLinks = 200;

/** `/manage/app/{name}/sharing`: who may open an app, and links for those without a login. */
export function sharing(
  { store, settings }: Pick<ApiDependencies, 'store' | 'settings'>,
  { actions, links }: { actions: AppActions; links: LinkActions },
): Hono<ApiEnv> {
  const show = async (
    context: Context<ApiEnv>,
    more: { refused?: RefusedForm; made?: SharingShown['made'] } = {},
  ): Promise<Response> => {
    const app = await actions.find(context.req.param('name') ?? '');
    const { refused = null, made = null } = more;
    const page = sharingPage({
      identity: context.get('identity'),
      app: appFor(context.get('identity').caller, app, settings),
      access: accessWords(app, settings),
      links: (await store.links.list(app.name, listedLinks)).map(appLinkJson),
      form: formShown('link', refused, { expiresInMs: lifetimeOf(7) }),
      made,
      done: context.req.query('done') ?? '',
    });
    return context.html(page, refused?.status ?? 200);
  };

  return new Hono<ApiEnv>()
    .get('/manage/app/:name/sharing', (context) => show(context))
    .post('/manage/app/:name/sharing', async (context) => {
      const sent = await sentBy(context);
      const tried = await attempt({ name: 'link', sent, blames: 'label' }, async () => {
        const { label = '', expiresInMs = '' } = sent;
        const wish = checked('form', newAppLinkSchema, { label, expiresInMs: Number(expiresInMs) });
        return links.make(context.req.param('name'), wish, { actor: context.get('actor') });
      });
      if ('refused' in tried) return show(context, tried);
      const { link, url } = tried.done;
      return show(context, { made: { label: link.label, url } });
    })
    .post('/manage/app/:name/sharing/:id/revoke', async (context) => {
      const name = context.req.param('name');
      const id = checked('path', linkIdSchema, context.req.param('id'));
      await store.links.revoke(name, id, { actor: context.get('actor') });
      return context.redirect(`/manage/app/${name}/sharing?done=revoked`, 303);
    });
}

interface SharingShown {
  identity: Identity;
  app: AppJson;
  /** Who may open it, as the end of a sentence. */
  access: string;
  links: readonly AppLinkJson[];
  form: FormShown;
  /** A link that was just made: shown this once. */
  made: { label: string; url: string } | null;
  done: string;
}

const doneWords: DoneWords = {
  revoked: 'The link is revoked. It stopped working at once, also for who came in with it.',
};

const lifetimes = lifetimeChoices([1, 7, 30, 90, 366]);

function sharingPage({ identity, app, access, links, form, made, done }: SharingShown) {
  const path = `/manage/app/${app.name}`;
  return shell({
    title: `Who may open ${app.title}`,
    section: 'manage',
    identity,
    children: (
      <>
        <h1>Who may open {app.title}</h1>
        <p>
          It can be opened by {access}. <a href={path}>Back to the app</a>
        </p>
        <DoneNotice done={done} words={doneWords} />
        <section class="panel" aria-labelledby="links-heading">
          <h2 id="links-heading">Links</h2>
          <p class="soft">
            Whoever has a link opens this one app without a login, until it ends or is revoked.
          </p>
          {made !== null && <ShownOnce label={`The link ${made.label}`} text={made.url} />}
          <form class="form" method="post" action={`${path}/sharing`}>
            <div class="row">
              <Input
                form={form}
                name="label"
                label="Who it is for"
                placeholder="reviewers"
                required
                maxlength={120}
              />
              <Select form={form} name="expiresInMs" label="Works for" options={lifetimes} />
            </div>
            <FormSentence form={form} />
            <p class="actions">
              <button class="primary">Make a link</button>
            </p>
          </form>
          {links.length > 0 && <LinkTable path={path} links={links} />}
        </section>
      </>
    ),
  });
}

function LinkTable({ path, links }: { path: string; links: readonly AppLinkJson[] }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">For</th>
          <th scope="col">Made</th>
          <th scope="col">State</th>
          <th scope="col">
            <span class="unseen">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {links.map(({ id, label, createdAt, createdBy, state, expiresAt }) => (
          <tr>
            <td data-label="For">{label}</td>
            <td data-label="Made">
              <span>
                <Ago at={createdAt} /> by {createdBy}
              </span>
            </td>
            <td data-label="State">
              <span>
                {state}
                {state === 'active' && (
                  <>
                    , ends <Ahead at={expiresAt} />
                  </>
                )}
              </span>
            </td>
            <td>
              {state === 'active' && (
                <RowAction action={`${path}/sharing/${id}/revoke`} label="Revoke" of={label} />
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
