import { log } from '@temporalio/workflow';
import type { BeganLife, ConditionChange, Writing } from '../activities/app-inputs.ts';
import type { AppPolicy } from '../model/app-spec.ts';
import { settle, type OpenOperation } from '../model/app-operation.ts';
import { applyEvent, type AppEvent, type AppState } from '../model/app-state.ts';
import { conditionOf } from '../model/app-view.ts';
import { canonicalJson } from '../model/canonical-json.ts';
import type { AppCommand, InstanceExited } from './messages.ts';

/** Operation ids remembered against repeats; a repeat comes within seconds of its first. */
const maxHandled = 200;
/** Commands that wait for their end at once; more are refused as failed operations. */
const maxOpen = 500;

/** What one run of the workflow hands to the next. Only optional fields are ever added. */
export interface Carried {
  version: 1;
  life: number;
  revision: number;
  policy: AppPolicy;
  state: AppState;
  /** Canonical text of the condition that the row has. */
  recorded: string;
  sinceMs: number;
  open: OpenOperation[];
  handled: string[];
  inbox: AppCommand[];
  exits: InstanceExited[];
  owner?: string;
}

/** The memory of one run. Handlers and steps change it only through the functions below. */
export interface AppRun extends Omit<
  Carried,
  'version' | 'handled' | 'policy' | 'state' | 'owner'
> {
  name: string;
  /** Null until a reading of the row told it. */
  owner: string | null;
  /** Temporal is told what operators filter by; see app-shown.ts. */
  isFilterable: boolean;
  /** Null until the row was read; commands wait in the inbox so long. */
  now: { policy: AppPolicy; state: AppState } | null;
  handled: Set<string>;
  /** Counts what was absorbed, so that the loop notices news while it waits. */
  news: number;
  /** Something was done in this run: falling asleep is then a reason to continue as new. */
  acted: boolean;
}

export function createRun(name: string, carried: Carried | undefined): AppRun {
  const fresh = { life: 0, revision: 0, recorded: '', sinceMs: Date.now() };
  return {
    ...fresh,
    open: [],
    inbox: [],
    exits: [],
    ...carried,
    owner: carried?.owner ?? null,
    isFilterable: false,
    name,
    now: carried ? { policy: carried.policy, state: carried.state } : null,
    handled: new Set(carried?.handled),
    news: 0,
    acted: false,
  };
}

/** The row was read: from here on commands are absorbed. */
export function beginLife(run: AppRun, began: BeganLife): void {
  run.life = began.life;
  run.now = { policy: began.policy, state: began.state };
  run.owner = began.owner ?? null;
  run.inbox.unshift(...began.unfinished);
}

export function carry(run: AppRun): Carried {
  const { life, revision, recorded, sinceMs, open, inbox, exits } = run;
  return {
    version: 1,
    ...{ life, revision, recorded, sinceMs, open, inbox, exits },
    ...current(run),
    handled: [...run.handled],
    ...(run.owner === null ? {} : { owner: run.owner }),
  };
}

/** State and policy as they are now; an error of ours before the row was read. */
export function current(run: AppRun): { policy: AppPolicy; state: AppState } {
  if (run.now) return run.now;
  throw new Error(`app/${run.name} acted before its row was read`);
}

/** Takes every command in, each once. Does nothing before the row was read. */
export function absorb(run: AppRun): void {
  if (!run.now) return;
  for (const command of run.inbox.splice(0)) {
    if (run.handled.has(command.operationId)) continue;
    run.handled.add(command.operationId);
    run.news += 1;
    if (run.open.length >= maxOpen) {
      log.warn('too many open commands', { operationId: command.operationId });
      continue;
    }
    run.open.push({ id: command.operationId, command: command.command });
    apply(run, { type: 'commanded', ...command });
  }
  for (const id of run.handled) {
    if (run.handled.size <= maxHandled) break;
    run.handled.delete(id);
  }
}

export function apply(run: AppRun, event: AppEvent): void {
  const before = current(run).state.serving.phase;
  const state = predict(run, event);
  run.now = { ...current(run), state };
  if (state.serving.phase !== before) run.sinceMs = Date.now();
}

/** The state as it will be once `event` is a fact: what an activity writes with its effect. */
export function predict(run: AppRun, event: AppEvent): AppState {
  const { state, policy } = current(run);
  return applyEvent(state, event, policy, Date.now());
}

/** The next place in the order of writes, with the operations that `after` settles. */
export function writing(run: AppRun, after: AppState = current(run).state): Writing {
  run.revision += 1;
  const finish: Writing['finish'] = [];
  for (const operation of run.open) {
    const end = settle(operation.command, after);
    if (end) finish.push({ id: operation.id, ...end });
  }
  return { name: run.name, life: run.life, revision: run.revision, finish };
}

/** A write is committed: its finished operations are over, and the row has the condition of `after`. */
export function written(run: AppRun, write: Writing, after?: AppState): void {
  const ids = new Set(write.finish.map(({ id }) => id));
  run.open = run.open.filter(({ id }) => !ids.has(id));
  if (after) run.recorded = recordable(conditionOf(after));
}

export const recordable = (condition: ConditionChange): string => canonicalJson(condition);
