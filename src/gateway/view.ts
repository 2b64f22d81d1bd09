import { describeExit } from '../model/app-state.ts';
import { explainApp, type AppStatus } from '../model/app-view.ts';
import type { Entry } from './routes.ts';
import type { AppUse } from './use.ts';
import type { WakeState } from './wake.ts';

/** What waiting pages and open tabs are told of an app. Plain data, sent as JSON. */
export interface AppNews {
  app: string;
  title: string;
  status: AppStatus;
  /** Says more than the status when that is not all; null when it is. */
  headline: string | null;
  /** The one sentence that explains it. */
  sentence: string;
  /** Finer word on a start. */
  detail: string | null;
  /** Trouble of the gateway's own, in plain words; null when there is none. */
  trouble: string | null;
  lines: readonly string[];
  exit: string | null;
  /** Milliseconds until it falls asleep without further use; null when that is not known. */
  sleepsInMs: number | null;
  warnBeforeMs: number;
}

export function newsOf(
  entry: Entry,
  wake: WakeState | undefined,
  use: AppUse | undefined,
  lines: readonly string[],
): AppNews {
  const { route } = entry;
  const { condition } = route;
  const title = route.title ?? route.app;
  let status = entry.status;
  let sentence = explainApp(title, condition);
  if (
    status === 'ready' &&
    route.target !== null &&
    entry.suspectGeneration === route.target.generation
  ) {
    status = 'restarting';
    sentence = `${title} does not answer at the moment; looking whether it comes back.`;
  } else if (status === 'ready' && route.target === null) {
    status = 'starting';
  } else if (wake !== undefined && wishable.has(status)) {
    status = 'starting';
    sentence =
      wake.phase === 'failing'
        ? `${title} is asleep and could not be woken yet.`
        : `${title} was asked to start a moment ago.`;
  }
  const failed = status === 'failed';
  const waitsForPlace = wake?.phase === 'failing' && wake.full;
  return {
    app: route.app,
    title,
    status,
    headline: waitsForPlace ? 'Waiting for a place' : null,
    sentence,
    detail: condition.detail,
    trouble: wake?.phase === 'failing' ? `${wake.trouble ?? ''} Trying again.`.trim() : null,
    lines: failed || lines.length === 0 ? condition.lastLogLines : lines,
    exit: failed || status === 'restarting' ? describeExit(condition.exit) : null,
    sleepsInMs: sleepsInMs(entry, use),
    warnBeforeMs: route.spec.idle.warnBeforeMs,
  };
}

const wishable: ReadonlySet<AppStatus> = new Set(['asleep', 'failed', 'stopping']);

/** The row's time, moved on by what this gateway saw since the clocks were last read. */
function sleepsInMs(entry: Entry, use: AppUse | undefined): number | null {
  const { condition, spec } = entry.route;
  if (entry.status !== 'ready' || condition.sleepsAt === null) return null;
  let atMs = Date.parse(condition.sleepsAt);
  if (use !== undefined && use.lastUseMs !== null) {
    atMs = Math.max(atMs, use.lastUseMs + spec.idle.idleAfterMs);
  }
  return Math.max(0, atMs - Date.now());
}
