import { randomUUID } from 'node:crypto';
import type { Child } from 'hono/jsx';
import type { AppJson } from '../../model/api.ts';

/** What can be done to an app now: plain forms, so they work without a script. */
export function AppActionBar({ app }: { app: AppJson }) {
  const { name, title, status, url } = app;
  if (status === 'removing') return null;
  const sleeps = status === 'asleep' || status === 'failed';
  return (
    <div class="actions">
      <a class="button primary" href={url}>
        {status === 'failed' ? 'Try again' : 'Open'}
      </a>
      {(sleeps || status === 'stopping') && <Action {...{ name, verb: 'start' }}>Start</Action>}
      {status === 'ready' && <Action {...{ name, verb: 'keep-awake' }}>Keep awake</Action>}
      {!sleeps && <Action {...{ name, verb: 'restart' }}>Restart</Action>}
      {!sleeps && status !== 'stopping' && <Action {...{ name, verb: 'stop' }}>Stop</Action>}
      <details class="confirm">
        <summary class="button danger">Remove …</summary>
        <div>
          <p>
            This stops <strong>{title}</strong> and removes it for everybody. Its timeline stays.
          </p>
          <Action {...{ name, verb: 'remove', tone: 'danger' }}>Remove {name}</Action>
        </div>
      </details>
    </div>
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
