import type { Space } from '../../store/people-ports.ts';
import type { Identity } from '../auth/identify.ts';
import { DoneNotice, type DoneWords } from './done-notice.tsx';
import { FormSentence, Input } from './fields.tsx';
import type { FormShown } from './forms.ts';
import { shell } from './shell.tsx';

interface SpacesShown {
  identity: Identity;
  spaces: readonly Space[];
  /** Name to go on after; null at the end. */
  next: string | null;
  form: FormShown;
  done: string;
}

const doneWords: DoneWords = { removed: 'The space is gone.', left: 'You have left the space.' };

/** `/manage/spaces`: what belongs together, and who may use it. */
export function spacesPage({ identity, spaces, next, form, done }: SpacesShown) {
  return shell({
    title: 'Spaces',
    section: 'spaces',
    identity,
    children: (
      <>
        <h1>Spaces</h1>
        <p class="soft">
          A space is a course or a project: its apps, volumes and secrets, and who may use them.
        </p>
        <DoneNotice done={done} words={doneWords} />
        <section class="panel" aria-label="Spaces">
          {spaces.length === 0 ? (
            <p class="soft">
              You have a role in none. Whoever runs this labkeeper can give you one.
            </p>
          ) : (
            <SpaceTable spaces={spaces} />
          )}
          {next !== null && (
            <nav class="actions pages" aria-label="Pages of spaces">
              <a class="button" href={`/manage/spaces?after=${next}`} rel="next">
                More spaces
              </a>
            </nav>
          )}
        </section>
        {identity.caller.operator && <NewSpace form={form} />}
      </>
    ),
  });
}

function SpaceTable({ spaces }: { spaces: readonly Space[] }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Members</th>
          <th scope="col">Apps</th>
          <th scope="col">Awake</th>
        </tr>
      </thead>
      <tbody>
        {spaces.map(({ name, title, members, apps, maxApps, awakeApps, maxAwakeApps }) => (
          <tr>
            <td data-label="Name">
              <div>
                <a href={`/manage/space/${name}`}>{name}</a>
                {title !== name && <div class="soft small">{title}</div>}
              </div>
            </td>
            <td data-label="Members">{members}</td>
            <td data-label="Apps">{ofLimit(apps, maxApps)}</td>
            <td data-label="Awake">{ofLimit(awakeApps, maxAwakeApps)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** `3 of 40`, or `3` where there is no limit. */
export const ofLimit = (count: number, limit: number | null): string =>
  limit === null ? String(count) : `${count} of ${limit}`;

function NewSpace({ form }: { form: FormShown }) {
  return (
    <section class="panel" aria-labelledby="new-heading">
      <h2 id="new-heading">New space</h2>
      <form class="form" method="post" action="/manage/spaces">
        <div class="row">
          <Input
            form={form}
            name="name"
            label="Name"
            hint="Lower-case letters, digits and hyphens."
            placeholder="ml101"
            required
            maxlength={63}
          />
          <Input
            form={form}
            name="title"
            label="Shown as"
            hint="Left empty: the name."
            placeholder="Machine learning 101"
            maxlength={120}
          />
        </div>
        <Quotas form={form} />
        <FormSentence form={form} />
        <p class="actions">
          <button class="primary">Make the space</button>
        </p>
      </form>
    </section>
  );
}

/** The limits of a space. */
export function Quotas({ form }: { form: FormShown }) {
  return (
    <div class="row">
      <Input
        form={form}
        name="maxApps"
        label="Apps at most"
        hint="Left empty: no limit."
        type="number"
        min={0}
        max={1_000_000}
      />
      <Input
        form={form}
        name="maxAwakeApps"
        label="Awake at once at most"
        hint="Left empty: no limit."
        type="number"
        min={0}
        max={1_000_000}
      />
      <Input
        form={form}
        name="maxRunningJobs"
        label="Jobs running at most"
        hint="Left empty: no limit."
        type="number"
        min={0}
        max={1_000_000}
      />
      <Input
        form={form}
        name="maxQueuedJobs"
        label="Jobs waiting at most"
        hint="Left empty: no limit."
        type="number"
        min={0}
        max={1_000_000}
      />
    </div>
  );
}
