import type { AppPolicy } from '../model/app-spec.ts';
import type { AppState, Cause, Command, Exit } from '../model/app-state.ts';
import type { conditionOf } from '../model/app-view.ts';

/** What the row shall say, as the state machine sees it. */
export type ConditionChange = ReturnType<typeof conditionOf>;

/** Every writing activity names its app, its place in the order of writes, and what it finishes. */
export interface Writing {
  name: string;
  life: number;
  revision: number;
  /** Operations that are over once this write is committed. */
  finish: { id: string; state: 'succeeded' | 'failed'; detail: string }[];
}

export interface BeganLife {
  life: number;
  policy: AppPolicy;
  owner?: string;
  /** The state the row tells: what another life left behind. */
  state: AppState;
  /** Commands that no life has ended; some may come as signals too. */
  unfinished: { operationId: string; command: Command; cause: Cause; needsNewInstance: boolean }[];
}

export interface PlaceInput extends Writing {
  generation: number;
  /** The host that holds the frozen instance, when there is one. */
  frozenOn: string | null;
  cause: Cause;
}

export interface RecordInput extends Writing {
  condition: ConditionChange;
  event: { what: string; why: string; actor: string } | null;
}

export interface StartInput extends Writing {
  generation: number;
  host: string;
  cause: Cause;
  /** For the row, once it is ready. */
  condition: ConditionChange;
  sleepsInMs: number | null;
}

export type StartResult =
  | { outcome: 'ready' }
  | { outcome: 'failed'; exit: Exit | null; reason: string; permanent: boolean };

export interface CloseRouteInput extends Writing {
  generation: number;
  mayReopen: boolean;
  /** Makes a retry of the same stop go on with the same closing. */
  closeId: string;
  /** For the row, once it is closed. */
  condition: ConditionChange;
  idle: AppPolicy['idle'];
}

export type CloseRouteResult =
  | { closed: true }
  /** In use after all; the clocks need not be read before `sleepInMs`. */
  | { closed: false; why: string; sleepInMs: number };

export interface StopInput extends Writing {
  generation: number;
  host: string;
  pause: boolean;
  graceMs: number;
  cause: Cause;
  condition: ConditionChange;
}

export interface CollectExitInput extends Writing {
  generation: number;
  host: string;
  exit: Exit;
  condition: ConditionChange;
  /** Said in the timeline: `failed` or `crashed`, and why. */
  what: string;
  why: string;
}

/** The logs of every generation up to this one. */
export interface ForgetLogsInput {
  name: string;
  upToGeneration: number;
}
