import {
  patched,
  setCurrentDetails,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { AppStep } from '../model/app-step.ts';
import { attentionOf, conditionOf, explainApp, statusOf } from '../model/app-view.ts';
import { current, type AppRun } from './app-run.ts';
import { searchAttributes } from './search-attributes.ts';

/** What Temporal shows of an app: the sentence that everybody sees, and what operators filter by. */
export function show(run: AppRun, step: AppStep): void {
  sayWhatItDoes(run, step);
  // Whether an idle stop comes about is judged at the gateways: until then people see a ready app.
  const isUndecided = step.kind === 'closeRoute' && step.mayReopen;
  if (run.isFilterable && !isUndecided) tellChanges(run);
}

/**
 * Asked once a run. Runs that the program starts have their kind from the start; what an older version
 * or a foreign client started needs a marker, so that what it did before replays as it was.
 */
export function isFilterable(): boolean {
  const { typedSearchAttributes } = workflowInfo();
  return typedSearchAttributes.get(searchAttributes.kind) !== undefined || patched('attributes');
}

/** The same sentence as everywhere, and the next step. */
function sayWhatItDoes(run: AppRun, step: AppStep): void {
  const { restartAtMs, ...shown } = conditionOf(current(run).state);
  const at = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
  const sentence = explainApp(run.name, {
    ...shown,
    since: new Date(run.sinceMs).toISOString(),
    detail: shown.phase === 'failed' ? null : `next: ${step.kind}`,
    restartAt: at(restartAtMs),
    sleepsAt: at(step.kind === 'wait' ? step.untilMs : null),
    lastLogLines: [],
  });
  setCurrentDetails(sentence);
}

/** One action, and only when what people see has changed: owner and host come along with that. */
function tellChanges(run: AppRun): void {
  const { state } = current(run);
  const condition = conditionOf(state);
  const known = workflowInfo().typedSearchAttributes;
  const { kind, appState, owner, host, needsAttention } = searchAttributes;
  const status = statusOf(condition);
  const attention = attentionOf(condition);
  const isNews =
    known.get(appState) !== status || (known.get(needsAttention) ?? null) !== attention;
  if (!isNews) return;
  const wanted = [
    { key: kind, value: 'app' },
    { key: appState, value: status },
    { key: owner, value: run.owner },
    { key: host, value: state.lastHost },
    { key: needsAttention, value: attention },
  ];
  upsertSearchAttributes(wanted.filter(({ key, value }) => (known.get(key) ?? null) !== value));
}
