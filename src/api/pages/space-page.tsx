import type { Member, Space } from '../../store/people-ports.ts';
import { roles, type Role } from '../../model/roles.ts';
import type { Identity } from '../auth/identify.ts';
import { DoneNotice, type DoneWords } from './done-notice.tsx';
import { FormSentence, Input, Select } from './fields.tsx';
import type { FormShown } from './forms.ts';
import { personPath } from './people-page.tsx';
import { shell } from './shell.tsx';
import { ofLimit, Quotas } from './spaces-page.tsx';
import { Ago } from './time.tsx';
import { RowAction } from './row-action.tsx';

interface SpaceShown {
  identity: Identity;
  space: Space;
  members: readonly Member[];
  /** Name to go on after; null at the end. */
  next: string | null;
  mayManage: boolean;
  mayChange: boolean;
  member: FormShown;
  change: FormShown;
  removal: FormShown;
  done: string;
}

const doneWords: DoneWords = {
  created: 'The space is made. Give people a role in it.',
  changed: 'Saved.',
  member: 'The role holds from their next request on.',
  gone: 'They are no member any more, from their next request on.',
};

const roleWords: Readonly<Record<Role, string>> = {
  viewer: 'viewer: sees its apps',
  user: 'user: opens and wakes them',
  instructor: 'instructor: registers and runs own ones',
  admin: 'admin: runs all of it, and its members',
};

/** `/manage/space/{name}`: its members, and what it may have. */
export function spacePage(shown: SpaceShown) {
  const { identity, space, done, mayManage, mayChange } = shown;
  const { name, title, apps, maxApps, awakeApps, maxAwakeApps } = space;
  return shell({
    title,
    section: 'spaces',
    identity,
    children: (
      <>
        <h1>{title}</h1>
        <p class="soft">
          The space {name}: {ofLimit(apps, maxApps)} apps, {ofLimit(awakeApps, maxAwakeApps)} awake.{' '}
          <a href={`/manage?space=${name}`}>Its apps</a>
        </p>
        <DoneNotice done={done} words={doneWords} />
        <section class="panel" aria-labelledby="members-heading">
          <h2 id="members-heading">Members</h2>
          <Members shown={shown} />
          {mayManage && <NewMember name={name} form={shown.member} />}
        </section>
        {mayChange && <Change shown={shown} />}
      </>
    ),
  });
}

function Members({ shown }: { shown: SpaceShown }) {
  const { identity, space, members, next, mayManage } = shown;
  const path = `/manage/space/${space.name}`;
  if (members.length === 0) return <p class="soft">Nobody has a role in it yet.</p>;
  return (
    <>
      <table>
        <thead>
          <tr>
            <th scope="col">Person</th>
            <th scope="col">Role</th>
            <th scope="col">Since</th>
            {mayManage && (
              <th scope="col">
                <span class="unseen">Actions</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {members.map(({ person, title, role, since }) => (
            <tr>
              <td data-label="Person">
                <div>
                  {identity.caller.operator ? <a href={personPath(person)}>{person}</a> : person}
                  {title !== person && <div class="soft small">{title}</div>}
                </div>
              </td>
              <td data-label="Role">{role}</td>
              <td data-label="Since">
                <Ago at={since} />
              </td>
              {mayManage && (
                <td>
                  <RowAction
                    action={`${path}/members/${encodeURIComponent(person)}/remove`}
                    label="Remove"
                    of={person}
                  />
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {next !== null && (
        <nav class="actions pages" aria-label="Pages of members">
          <a class="button" href={`${path}?after=${encodeURIComponent(next)}`} rel="next">
            More members
          </a>
        </nav>
      )}
    </>
  );
}

function NewMember({ name, form }: { name: string; form: FormShown }) {
  return (
    <form class="form" method="post" action={`/manage/space/${name}/members`}>
      <div class="row">
        <Input
          form={form}
          name="person"
          label="Person"
          hint="The name that they log in with; the role of a member is changed here too."
          required
          maxlength={128}
        />
        <Select
          form={form}
          name="role"
          label="Role"
          options={roles.map((role) => ({ value: role, label: roleWords[role] }))}
        />
      </div>
      <FormSentence form={form} />
      <p class="actions">
        <button class="primary">Give the role</button>
      </p>
    </form>
  );
}

function Change({ shown }: { shown: SpaceShown }) {
  const { space, change, removal } = shown;
  const path = `/manage/space/${space.name}`;
  return (
    <section class="panel" aria-labelledby="change-heading">
      <h2 id="change-heading">Space</h2>
      <form class="form" method="post" action={path}>
        <Input form={change} name="title" label="Shown as" maxlength={120} />
        <Quotas form={change} />
        <FormSentence form={change} />
        <p class="actions">
          <button class="primary">Save</button>
        </p>
      </form>
      <div class="actions">
        <details class="confirm" open={removal.sentence !== null}>
          <summary class="button danger">Remove …</summary>
          <div>
            <p>
              This removes the space <strong>{space.title}</strong> and every role in it. What is in
              it has to be removed or moved first.
            </p>
            <FormSentence form={removal} />
            <form method="post" action={`${path}/remove`}>
              <button class="danger">Remove {space.name}</button>
            </form>
          </div>
        </details>
      </div>
    </section>
  );
}
