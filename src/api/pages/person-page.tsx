import type { LoginLinkJson, PersonJson } from '../../model/people-api.ts';
import { roles } from '../../model/roles.ts';
import type { Identity } from '../auth/identify.ts';
import { DoneNotice, type DoneWords } from './done-notice.tsx';
import { Checkbox, FormSentence, Input, Select } from './fields.tsx';
import type { FormShown } from './forms.ts';
import { LoginLink, personPath } from './people-page.tsx';
import { shell } from './shell.tsx';
import { Ago } from './time.tsx';

interface PersonShown {
  identity: Identity;
  person: PersonJson;
  /** Names of spaces to give a role in. */
  spaces: readonly string[];
  change: FormShown;
  role: FormShown;
  access: FormShown;
  /** Just made: shown this once. */
  link: LoginLinkJson | null;
  done: string;
}

const doneWords: DoneWords = {
  changed: 'Saved.',
  disabled: 'They cannot log in any more. Their logins and tokens ended at once.',
  enabled: 'They can log in again.',
  role: 'The role holds from their next request on.',
};

/** `/manage/person/{name}`: what somebody may do, letting them in and keeping them out. */
export function personPage(shown: PersonShown) {
  const { identity, person, done, change, link } = shown;
  const path = personPath(person.name);
  return shell({
    title: person.title,
    section: 'people',
    identity,
    children: (
      <>
        <h1>{person.title}</h1>
        <p class="soft">
          {person.name},{' '}
          {person.lastSeenAt === null ? 'never seen' : <Seen at={person.lastSeenAt} />}, invited by{' '}
          {person.createdBy} <Ago at={person.createdAt} />
        </p>
        <DoneNotice done={done} words={doneWords} />
        <Roles shown={shown} path={path} />
        <section class="panel" aria-labelledby="change-heading">
          <h2 id="change-heading">Person</h2>
          <form class="form" method="post" action={path}>
            <Input form={change} name="title" label="Shown as" maxlength={120} />
            <Checkbox
              form={change}
              name="operator"
              label="Operator"
              hint="May do everything everywhere."
            />
            <FormSentence form={change} />
            <p class="actions">
              <button class="primary">Save</button>
            </p>
          </form>
        </section>
        <section class="panel" aria-labelledby="access-heading">
          <h2 id="access-heading">Logging in</h2>
          {link !== null && <LoginLink link={link} />}
          <Access shown={shown} path={path} />
        </section>
      </>
    ),
  });
}

function Seen({ at }: { at: string }) {
  return (
    <>
      seen <Ago at={at} />
    </>
  );
}

function Roles({ shown, path }: { shown: PersonShown; path: string }) {
  const { person, role, spaces } = shown;
  const held = Object.entries(person.roles).sort(([one], [other]) => (one < other ? -1 : 1));
  return (
    <section class="panel" aria-labelledby="roles-heading">
      <h2 id="roles-heading">Roles</h2>
      {person.operator && <p>As operator they may do everything everywhere.</p>}
      <ul class="list">
        {held.map(([space, name]) => (
          <li>
            {name} in <a href={`/manage/space/${space}`}>{space}</a>
          </li>
        ))}
        {held.length === 0 && <li class="soft">No role in any space.</li>}
      </ul>
      <form class="form" method="post" action={`${path}/roles`}>
        <div class="row">
          <Select
            form={role}
            name="space"
            label="Space"
            options={spaces.map((space) => ({ value: space, label: space }))}
          />
          <Select
            form={role}
            name="role"
            label="Role"
            options={[
              ...roles.map((name) => ({ value: name, label: name as string })),
              { value: '', label: 'none' },
            ]}
          />
        </div>
        <FormSentence form={role} />
        <p class="actions">
          <button class="primary">Set the role</button>
        </p>
      </form>
    </section>
  );
}

function Access({ shown, path }: { shown: PersonShown; path: string }) {
  const { person, access } = shown;
  if (person.disabled) {
    return (
      <>
        <p>{person.title} cannot log in.</p>
        <form class="actions" method="post" action={`${path}/access`}>
          <input type="hidden" name="disabled" value="false" />
          <button class="primary">Let them log in again</button>
        </form>
      </>
    );
  }
  return (
    <>
      <FormSentence form={access} />
      <div class="actions">
        <form method="post" action={`${path}/login-link`}>
          <button>Make a login link</button>
        </form>
        <details class="confirm" open={access.sentence !== null}>
          <summary class="button danger">Keep out …</summary>
          <div>
            <p>
              <strong>{person.title}</strong> is logged out everywhere, their tokens stop working at
              once, and they cannot log in until you let them again. What they own stays.
            </p>
            <form method="post" action={`${path}/access`}>
              <input type="hidden" name="disabled" value="true" />
              <button class="danger">Keep {person.name} out</button>
            </form>
          </div>
        </details>
      </div>
    </>
  );
}
