import { readFile } from 'node:fs/promises';
import { Client, Connection } from '@temporalio/client';
import { expect } from 'vitest';
import type { AppJson } from '../../src/model/api.ts';
import { eventually } from '../beds/eventually.ts';
import type { Lab } from '../beds/lab.ts';

/** Bounds for things that may take long on a busy machine; nothing waits for them when it is fast. */
export const patienceMs = 45_000;

/** Waits until an app has a status, and gives it as it then is. */
export async function untilStatus(
  lab: Lab,
  name: string,
  expected: AppJson['status'],
  deadlineMs = patienceMs,
): Promise<AppJson> {
  return eventually(
    async () => {
      const shown = await lab.client.apps.show(name);
      expect(shown.status, shown.explanation).toBe(expected);
      return shown;
    },
    { deadlineMs },
  );
}

/** Its database with the password, for tests that interfere there. */
export async function databaseUrlOf({ environment }: Lab): Promise<string> {
  const url = new URL(environment['LABKEEPER_DATABASE_URL'] ?? '');
  const file = environment['LABKEEPER_DATABASE_PASSWORD_FILE'] ?? '';
  url.password = (await readFile(file, 'utf8')).trim();
  return url.href;
}

/** Names of the instances of an app that run now. */
export async function instancesOf(lab: Lab, name: string): Promise<string[]> {
  return (await lab.runningInstances()).filter((one) => one.startsWith(`app-${name}-`));
}

/** Asks for `/who` as an API client does: held until the app is ready. */
export async function whoIs(lab: Lab, name: string): Promise<number> {
  const answer = await fetch(lab.appUrl(name, '/who'));
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  return (JSON.parse(text) as { pid: number }).pid;
}

/** What happened to an app, oldest first. */
export async function timelineOf(lab: Lab, name: string): Promise<string[]> {
  const events = await lab.store.events.list({ entity: `app/${name}`, limit: 200 });
  return events.map(({ what }) => what).toReversed();
}

/** For the message of a failure: the end of its timeline, and of what its workflow went through. */
export async function storyOf(lab: Lab, name: string): Promise<string> {
  const events = await lab.store.events.list({ entity: `app/${name}`, limit: 15 });
  const timeline = events.map(({ at, what, why }) => `${at} ${what} (${why})`).toReversed();
  const connection = await Connection.connect({ address: lab.temporal.address });
  try {
    const handle = new Client({ connection }).workflow.getHandle(`app/${name}`);
    const { events: steps } = await handle.fetchHistory();
    const { raw } = await handle.describe();
    const history = (steps ?? []).slice(-25).map((step) => {
      const { eventId, eventTime, eventType, ...rest } = step;
      const at = new Date(Number(eventTime?.seconds ?? 0) * 1000).toISOString();
      return `${eventId} ${at} type ${eventType} ${Object.keys(rest).join(' ')}`;
    });
    const pending = JSON.stringify({
      activities: raw.pendingActivities?.map(({ activityType, attempt, state }) => ({
        activity: activityType?.name,
        attempt,
        state,
      })),
      task: raw.pendingWorkflowTask,
    });
    return [`story of ${name}:`, ...timeline, ...history, pending].join('\n');
  } finally {
    await connection.close();
  }
}
