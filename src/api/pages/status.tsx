import type { AppStatus } from '../../model/app-view.ts';

/** What people read for each status. */
export const statusWords: Readonly<Record<AppStatus, string>> = {
  asleep: 'Asleep',
  starting: 'Starting',
  ready: 'Ready',
  restarting: 'Restarting',
  stopping: 'Falling asleep',
  failed: 'Failed',
  removing: 'Being removed',
};

/** A state as a word with a lamp; never told by colour alone. */
export function Status({ status, words }: { status: string; words: string }) {
  return (
    <span class="status" data-status={status}>
      {words}
    </span>
  );
}

/** Marks the element that stands for an app, so that the script can say what changed. */
export const appMarks = (app: { name: string; title: string; status: AppStatus }) => ({
  'data-entity': `app/${app.name}`,
  'data-status': app.status,
  'data-title': app.title,
  'data-words': statusWords[app.status],
});
