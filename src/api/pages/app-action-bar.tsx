import { randomUUID } from 'node:crypto';
import type { Child } from 'hono/jsx';
import type { AppJson } from '../../model/api.ts';
import { may, mayOpen, type Caller } from '../../model/roles.ts';

/** What this person can do to an app now: plain forms, so they work without a script. */
export function AppActionBar({ app, caller }: { app: AppJson; caller: Caller }) {
  const { name, title, status, url, spec, space, owner } = app;
  if (status === 'removing') return null;
  const sleeps = status === 'asleep' || status === 'failed';
  const mayUse = may(caller, 'app.use', app);
  const mayOperate = may(caller, 'app.operate', app);
  return (
    <div class="actions">
      {mayOpen(caller, { access: spec.access, space, owner }) && (
        <a class="button primary" href={url}>
          {status === 'failed' ? 'Try again' : 'Open'}
        </a>
      )}
      {mayUse && (sleeps || status === 'stopping') && (
        <Action {...{ name, verb: 'start' }}>Start</Action>
      )}
      {mayUse && status === 'ready' && (
        <Action {...{ name, verb: 'keep-awake' }}>Keep awake</Action>
      )}
      {mayOperate && !sleeps && <Action {...{ name, verb: 'restart' }}>Restart</Action>}
      {mayOperate && !sleeps && status !== 'stopping' && (
        <Action {...{ name, verb: 'stop' }}>Stop</Action>
      )}
      {may(caller, 'app.change', app) && <Changes name={name} title={title} />}
    </div>
  );
}

function Changes({ name, title }: { name: string; title: string }) {
  return (
    <>
      <a class="button" href={`/manage/app/${name}/edit`}>
        Edit
      </a>
      <details class="confirm">
        <summary class="button danger">Remove …</summary>
        <div>
          <p>
            This stops <strong>{title}</strong> and removes it for everybody. Its timeline stays.
          </p>
          <Action {...{ name, verb: 'remove', tone: 'danger' }}>Remove {name}</Action>
        </div>
      </details>
    </>
  );
}

/** The key makes a double click one command. */
function Action(props: { name: string; verb: string; tone?: string; children?: Child }) {
  const { name, verb, tone, children } = props;
  return (
    <form method="post" action={`/manage/app/${name}/${verb}`}>
      <input type="hidden" name="key" value={randomUUID()} />
      <button class={tone}>{children}</button>
    </form>
  );
}
