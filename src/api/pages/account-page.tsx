import { durationInWords } from '../../model/in-words.ts';
import type { SessionJson, TokenJson } from '../../model/people-api.ts';
import type { Identity } from '../auth/identify.ts';
import { DoneNotice, type DoneWords } from './done-notice.tsx';
import { FormSentence, Input, Select, ShownOnce } from './fields.tsx';
import type { FormShown } from './forms.ts';
import { shell } from './shell.tsx';
import { Ago, Ahead } from './time.tsx';
import { lifetimeChoices } from './lifetimes.ts';
import { RowAction } from './row-action.tsx';

export interface AccountShown {
  identity: Identity;
  /** How people call the person. */
  title: string;
  sessions: readonly SessionJson[];
  tokens: readonly TokenJson[];
  form: FormShown;
  /** A token that was just made: shown this once. */
  made: { label: string; text: string } | null;
  done: string;
}

const doneWords: DoneWords = {
  revoked: 'The token is revoked. It stopped working at once.',
  ended: 'Logged out there.',
};

const lifetimes = lifetimeChoices([7, 30, 90, 366]);

/** `/account`: who I am here, and what lets me in. */
export function accountPage(shown: AccountShown) {
  const { identity, title, sessions, done } = shown;
  const name = identity.caller.person ?? '';
  return shell({
    title: 'Account',
    section: 'account',
    identity,
    children: (
      <>
        <h1>{title}</h1>
        <DoneNotice done={done} words={doneWords} />
        <Profile identity={identity} name={name} />
        {identity.via === 'open' ? (
          <section class="panel" aria-labelledby="open-heading">
            <h2 id="open-heading">Logins and tokens</h2>
            <p>
              None are needed: whoever reaches this machine is its one user. To let others in, set{' '}
              <code>LABKEEPER_AUTHENTICATION=required</code> and start again.
            </p>
          </section>
        ) : (
          <>
            <Tokens shown={shown} />
            <Sessions sessions={sessions} />
          </>
        )}
      </>
    ),
  });
}

function Profile({ identity, name }: { identity: Identity; name: string }) {
  const { operator, roles } = identity.caller;
  const spaces = Object.entries(roles).sort(([one], [other]) => (one < other ? -1 : 1));
  return (
    <section class="panel" aria-labelledby="profile-heading">
      <h2 id="profile-heading">You</h2>
      <dl>
        <dt>Name</dt>
        <dd>{name}</dd>
        <dt>Roles</dt>
        {operator && <dd>operator: you may do everything everywhere</dd>}
        {spaces.map(([space, role]) => (
          <dd>
            {role} in {space}
          </dd>
        ))}
        {!operator && spaces.length === 0 && (
          <dd>none yet: ask the admin of a space, or whoever runs this labkeeper, for one</dd>
        )}
      </dl>
    </section>
  );
}

function Tokens({ shown }: { shown: AccountShown }) {
  const { tokens, form, made } = shown;
  return (
    <section class="panel" aria-labelledby="tokens-heading">
      <h2 id="tokens-heading">Tokens</h2>
      <p class="soft">
        For programs: sent as <code>Authorization: Bearer …</code>, a token may do what you may.
      </p>
      {made !== null && <ShownOnce label={`The token ${made.label}`} text={made.text} />}
      <form class="form" method="post" action="/account/tokens">
        <div class="row">
          <Input
            form={form}
            name="label"
            label="What it is for"
            placeholder="airflow"
            required
            maxlength={120}
          />
          <Select form={form} name="expiresInMs" label="Works for" options={lifetimes} />
        </div>
        <FormSentence form={form} />
        <p class="actions">
          <button class="primary">Make a token</button>
        </p>
      </form>
      {tokens.length > 0 && <TokenTable tokens={tokens} />}
    </section>
  );
}

function TokenTable({ tokens }: { tokens: readonly TokenJson[] }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">For</th>
          <th scope="col">Made</th>
          <th scope="col">Last used</th>
          <th scope="col">State</th>
          <th scope="col">
            <span class="unseen">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {tokens.map((token) => (
          <tr>
            <td data-label="For">{token.label}</td>
            <td data-label="Made">
              <span>
                <Ago at={token.createdAt} />
                {token.createdBy !== token.person && ` by ${token.createdBy}`}
              </span>
            </td>
            <td data-label="Last used">
              {token.lastUsedAt === null ? 'never' : <Ago at={token.lastUsedAt} />}
            </td>
            <td data-label="State">
              <span>
                {token.state}
                {token.state === 'active' && (
                  <>
                    , ends <Ahead at={token.expiresAt} />
                  </>
                )}
              </span>
            </td>
            <td>
              {token.state === 'active' && (
                <RowAction
                  action={`/account/tokens/${token.id}/revoke`}
                  label="Revoke"
                  of={token.label}
                />
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Sessions({ sessions }: { sessions: readonly SessionJson[] }) {
  return (
    <section class="panel" aria-labelledby="sessions-heading">
      <h2 id="sessions-heading">Logins</h2>
      {sessions.length === 0 ? (
        <p class="soft">You are logged in by a proxy in front of labkeeper, not by a login here.</p>
      ) : (
        <ul class="list">
          {sessions.map((session) => (
            <li class="lead">
              <div>
                {session.current ? <strong>This browser</strong> : 'Another browser'}, by{' '}
                {session.via}, last seen <Ago at={session.lastSeenAt} />
                <div class="soft small">
                  {session.agent}; ends {endsIn(session.expiresAt)}
                </div>
              </div>
              <RowAction
                action={`/account/sessions/${session.id}/end`}
                label="Log out"
                of={session.current ? 'here' : session.agent}
              />
            </li>
          ))}
        </ul>
      )}
      {sessions.length > 1 && (
        <form class="actions" method="post" action="/account/sessions/all/end">
          <button class="danger">Log out everywhere</button>
        </form>
      )}
    </section>
  );
}

const endsIn = (at: string): string => `in ${durationInWords(Date.parse(at) - Date.now())}`;
