import type { LoginLinkJson, PersonJson } from '../../model/people-api.ts';
import type { Identity } from '../auth/identify.ts';
import { FormSentence, Input, ShownOnce } from './fields.tsx';
import type { FormShown } from './forms.ts';
import { shell } from './shell.tsx';
import { Ago, Ahead } from './time.tsx';

interface PeopleShown {
  identity: Identity;
  people: readonly PersonJson[];
  search: string;
  /** Name to go on after; null at the end. */
  next: string | null;
  form: FormShown;
  /** Of somebody who was just invited. */
  link: LoginLinkJson | null;
}

/** `/manage/people`: who can log in, and inviting one more. */
export function peoplePage(shown: PeopleShown) {
  const { identity, people, search, next, form, link } = shown;
  return shell({
    title: 'People',
    section: 'people',
    identity,
    children: (
      <>
        <h1>People</h1>
        <p class="soft">Who can log in. What they may do is their role in each space.</p>
        <section class="panel" aria-labelledby="invite-heading">
          <h2 id="invite-heading">Invite somebody</h2>
          {link !== null && <LoginLink link={link} />}
          <form class="form" method="post" action="/manage/people">
            <div class="row">
              <Input
                form={form}
                name="name"
                label="Name"
                hint="A short name or a mail address, in lower case. It cannot be changed later."
                placeholder="ada@uni.example"
                required
                maxlength={128}
              />
              <Input
                form={form}
                name="title"
                label="Shown as"
                hint="Left empty: the name."
                placeholder="Ada Lovelace"
                maxlength={120}
              />
            </div>
            <FormSentence form={form} />
            <p class="actions">
              <button class="primary">Invite</button>
            </p>
          </form>
        </section>
        <section class="panel" aria-labelledby="people-heading">
          <h2 id="people-heading">Everybody</h2>
          <form class="filter search" method="get" action="/manage/people" role="search">
            <label>
              Name
              <input type="search" name="search" value={search} maxlength={100} />
            </label>
            <button>Search</button>
          </form>
          {people.length === 0 ? (
            <p class="soft">
              {search === '' ? 'Nobody yet: invite somebody above.' : 'Nobody has such a name.'}
            </p>
          ) : (
            <PeopleTable people={people} />
          )}
          {next !== null && (
            <nav class="actions pages" aria-label="Pages of people">
              <a class="button" href={addressAfter(next, search)} rel="next">
                More people
              </a>
            </nav>
          )}
        </section>
      </>
    ),
  });
}

/** A link that logs somebody in once: to be sent to them. */
export function LoginLink({ link }: { link: LoginLinkJson }) {
  return (
    <ShownOnce label={`Login link for ${link.person}`} text={link.url}>
      <p class="hint">
        Send it to them. It logs them in once and ends <Ahead at={link.expiresAt} />.
      </p>
    </ShownOnce>
  );
}

/** The address of a person's page. */
export const personPath = (name: string): string => `/manage/person/${encodeURIComponent(name)}`;

function PeopleTable({ people }: { people: readonly PersonJson[] }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Roles</th>
          <th scope="col">Last seen</th>
        </tr>
      </thead>
      <tbody>
        {people.map((person) => (
          <tr>
            <td data-label="Name">
              <div>
                <a href={personPath(person.name)}>{person.name}</a>
                {person.title !== person.name && <div class="soft small">{person.title}</div>}
              </div>
            </td>
            <td data-label="Roles">
              <span>{rolesInWords(person)}</span>
            </td>
            <td data-label="Last seen">
              {person.lastSeenAt === null ? 'never' : <Ago at={person.lastSeenAt} />}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function rolesInWords({ disabled, operator, roles }: PersonJson): string {
  if (disabled) return 'cannot log in';
  if (operator) return 'operator of everything';
  const words = Object.entries(roles).map(([space, role]) => `${role} in ${space}`);
  return words.length === 0 ? 'none' : words.sort(byText).join(', ');
}

const byText = (one: string, other: string): number => (one < other ? -1 : 1);

function addressAfter(next: string, search: string): string {
  const query = new URLSearchParams(search === '' ? {} : { search });
  query.set('after', next);
  return `/manage/people?${query}`;
}
