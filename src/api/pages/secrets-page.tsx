import type { RegistryJson, SecretJson } from '../../model/secret-api.ts';
import type { SecretKind } from '../../store/secret-ports.ts';
import type { Identity } from '../auth/identify.ts';
import { Apps } from './app-links.tsx';
import { DoneNotice, type DoneWords } from './done-notice.tsx';
import { FormSentence, Input, Textarea } from './fields.tsx';
import type { FormShown } from './forms.ts';
import { secretsPath } from './secrets-path.ts';
import { shell } from './shell.tsx';
import { Ago } from './time.tsx';
import { RowAction } from './row-action.tsx';

interface Page<Item> {
  items: readonly Item[];
  /** Name to go on after; null at the end. */
  next: string | null;
}

interface SecretsShown {
  identity: Identity;
  space: string;
  /** Spaces whose secrets the person may see. */
  spaces: readonly string[];
  secrets: Page<SecretJson>;
  registries: Page<RegistryJson>;
  mayChangeRegistries: boolean;
  secret: FormShown;
  registry: FormShown;
  removal: FormShown;
  done: string;
}

const set = 'It is set. Apps get it at their next start; those that waited for it are woken.';
const doneWords: DoneWords = {
  created: set,
  replaced: set,
  unchanged: 'It had this value already: nothing changed.',
  removed: 'It is removed.',
};

/** `/manage/space/{name}/secrets`: which are set, who uses them, setting and removing them. */
export function secretsPage(shown: SecretsShown) {
  const { identity, space, secrets, registries, mayChangeRegistries, done, removal } = shown;
  return shell({
    title: `Secrets of ${space}`,
    section: 'secrets',
    identity,
    children: (
      <>
        <h1>Secrets of {space}</h1>
        <p class="soft">
          Kept encrypted and shown to nobody again. Apps of the space name them in their definition.
        </p>
        <DoneNotice done={done} words={doneWords} />
        <FormSentence form={removal} />
        <Spaces shown={shown} />
        <section class="panel" aria-labelledby="secrets-heading">
          <h2 id="secrets-heading">Secrets</h2>
          {secrets.items.length === 0 ? (
            <p class="soft">None is set yet.</p>
          ) : (
            <Kept
              what="Secret"
              path={secretsPath(space)}
              mayRemove
              rows={secrets.items.map((secret) => ({ ...secret, shownName: secret.name }))}
            />
          )}
          <More space={space} kind="value" next={secrets.next} words="More secrets" />
          <SetSecret space={space} form={shown.secret} />
        </section>
        <section class="panel" aria-labelledby="registries-heading">
          <h2 id="registries-heading">Private registries</h2>
          <p class="soft">How apps of the space get images that not everybody may have.</p>
          {registries.items.length > 0 && (
            <Kept
              what="Registry"
              path={`/manage/space/${space}/registries`}
              mayRemove={mayChangeRegistries}
              rows={registries.items.map((registry) => ({ ...registry, shownName: registry.host }))}
            />
          )}
          <More space={space} kind="registry" next={registries.next} words="More registries" />
          {mayChangeRegistries ? (
            <SetRegistry space={space} form={shown.registry} />
          ) : (
            registries.items.length === 0 && (
              <p class="soft">None is set. An operator can set one.</p>
            )
          )}
        </section>
      </>
    ),
  });
}

/** For who may see the secrets of no space. */
export function noSecretsPage(identity: Identity) {
  return shell({
    title: 'Secrets',
    section: 'secrets',
    identity,
    children: (
      <>
        <h1>Secrets</h1>
        <p>
          You may see the secrets of no space: that needs the role <strong>instructor</strong> in
          it. Ask an admin of the space.
        </p>
      </>
    ),
  });
}

function Spaces({ shown: { space, spaces } }: { shown: SecretsShown }) {
  if (spaces.length < 2) return null;
  return (
    <nav aria-label="Spaces">
      <ul class="chips">
        {spaces.map((name) => (
          <li>
            <a href={secretsPath(name)} aria-current={name === space ? 'page' : undefined}>
              {name}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function More(props: { space: string; kind: SecretKind; next: string | null; words: string }) {
  const { space, kind, next, words } = props;
  if (next === null) return null;
  return (
    <nav class="actions pages" aria-label={words}>
      <a class="button" href={`${secretsPath(space)}?after-${kind}=${encodeURIComponent(next)}`}>
        {words}
      </a>
    </nav>
  );
}

type KeptRow = Omit<SecretJson, 'name'> & { shownName: string };

function Kept(props: { what: string; path: string; mayRemove: boolean; rows: KeptRow[] }) {
  const { what, path, mayRemove, rows } = props;
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{what}</th>
          <th scope="col">Set</th>
          <th scope="col">Used by</th>
          <th scope="col">
            <span class="unseen">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ shownName, version, changedAt, changedBy, usedBy }) => (
          <tr>
            <td data-label={what} class="mono">
              {shownName}
            </td>
            <td data-label="Set">
              <span>
                <Ago at={changedAt} /> by {changedBy}, version {version}
              </span>
            </td>
            <td data-label="Used by">
              <span>{usedBy.length === 0 ? 'no app' : <Apps names={usedBy} />}</span>
            </td>
            <td>
              {mayRemove && usedBy.length === 0 && (
                <RowAction
                  action={`${path}/${encodeURIComponent(shownName)}/remove`}
                  label="Remove"
                  of={shownName}
                />
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function SetSecret({ space, form }: { space: string; form: FormShown }) {
  return (
    <form class="form" method="post" action={secretsPath(space)}>
      <Input
        form={form}
        name="name"
        label="Name"
        hint="Lower-case letters, digits and hyphens. One that is set gets a new value."
        placeholder="hf-token"
        required
        maxlength={63}
      />
      <Textarea
        form={form}
        name="value"
        label="Value"
        hint="Kept exactly as it stands here. You cannot read it again."
        required
      />
      <FormSentence form={form} />
      <p class="actions">
        <button class="primary">Set the secret</button>
      </p>
    </form>
  );
}

function SetRegistry({ space, form }: { space: string; form: FormShown }) {
  return (
    <form class="form" method="post" action={`/manage/space/${space}/registries`}>
      <Input
        form={form}
        name="host"
        label="Registry"
        hint="As image names have it."
        placeholder="registry.example:5000"
        required
        maxlength={255}
      />
      <div class="row">
        <Input form={form} name="username" label="User name" required maxlength={255} />
        <Input
          form={form}
          name="password"
          label="Password or token"
          type="password"
          autocomplete="new-password"
          required
        />
      </div>
      <FormSentence form={form} />
      <p class="actions">
        <button class="primary">Set the credentials</button>
      </p>
    </form>
  );
}
