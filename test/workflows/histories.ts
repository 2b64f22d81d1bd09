import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';

type History = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>;

export const historyFolder = join(import.meta.dirname, 'histories');

/** What a new recording is named by; files of earlier versions are never recorded again. */
const version = 'v1';

/** Records a scenario as a replay fixture, only when asked by UPDATE_REPLAY_HISTORIES=1. */
export async function saveHistory(handle: WorkflowHandle, scenario: string): Promise<void> {
  if (process.env['UPDATE_REPLAY_HISTORIES'] !== '1') return;
  const history = await handle.fetchHistory();
  await mkdir(historyFolder, { recursive: true });
  const text = JSON.stringify(JSON.parse(historyToJSON(history)), null, 1);
  await writeFile(join(historyFolder, `${version}-${scenario}.json`), `${text}\n`);
}

const attributes = {
  signaled: 'workflowExecutionSignaledEventAttributes',
  activities: 'activityTaskScheduledEventAttributes',
  timers: 'timerStartedEventAttributes',
  upserts: 'upsertWorkflowSearchAttributesEventAttributes',
  markers: 'markerRecordedEventAttributes',
} as const;

/** How many events of a kind a history has. */
export function countEvents(history: History, kind: keyof typeof attributes): number {
  return (history.events ?? []).filter((event) => Boolean(event[attributes[kind]])).length;
}

/** Billable actions a history shows: start, signals, activities, timers, upserts, markers. */
export function countActions(history: History): number {
  return (
    1 +
    countEvents(history, 'signaled') +
    countEvents(history, 'activities') +
    countEvents(history, 'timers') +
    countEvents(history, 'upserts') +
    countEvents(history, 'markers')
  );
}
