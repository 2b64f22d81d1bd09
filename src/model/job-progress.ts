import { isRecord } from './is-record.ts';
/** What a program's own words about its progress come to. */
export interface ProgressFigures {
  /** Whole part of the way, from 0 to 100; null when it cannot be told. */
  percent: number | null;
  step: number | null;
  steps: number | null;
  /** What it calls what it is doing. */
  status: string | null;
}

/**
 * Reads what programs say of their progress: `progress_pct`, `progress` from 0 to 1, or a step and the number of them; also inside
 * `progress`, as older programs have it. What is no such number is passed over.
 */
export function progressFigures(given: Record<string, unknown> | null): ProgressFigures {
  const inner = given?.['progress'];
  const told = { ...(isRecord(inner) ? inner : {}), ...given };
  const number = (...names: string[]): number | null => {
    const found = names.map((name) => told[name]).find((value) => Number.isFinite(value));
    return typeof found === 'number' ? found : null;
  };
  const step = number('global_step', 'step', 'step_current');
  const steps =
    typeof told['global_step'] === 'number'
      ? number('global_step_total')
      : number('step_total', 'steps', 'total');
  const share = step !== null && steps !== null && steps > 0 ? (100 * step) / steps : null;
  const part = number('progress');
  const percent = number('progress_pct', 'percent') ?? (part === null ? share : 100 * part);
  const status = told['status'];
  return {
    percent: percent === null ? null : Math.min(100, Math.max(0, percent)),
    step,
    steps,
    status: typeof status === 'string' ? status.slice(0, 200) : null,
  };
}

/**
 * How long it still takes if it goes on as it went, in milliseconds; null before anything can be said. `nowMs` is the
 * time since 1970 on the same clock as the job's own times.
 */
export function timeLeftMs(
  job: {
    state: string;
    startedAt: string | null;
    progressAt: string | null;
    progress: Record<string, unknown> | null;
  },
  nowMs: number,
): number | null {
  const { percent } = progressFigures(job.progress);
  if (job.state !== 'running' || percent === null || percent <= 0 || percent >= 100) return null;
  if (job.startedAt === null || job.progressAt === null) return null;
  const readAtMs = Date.parse(job.progressAt);
  const tookMs = readAtMs - Date.parse(job.startedAt);
  if (tookMs <= 0) return null;
  return Math.max(0, (tookMs * (100 - percent)) / percent - Math.max(0, nowMs - readAtMs));
}

/** Steps a second since its attempt began; null before anything can be said. */
export function stepsPerSecond(job: {
  startedAt: string | null;
  progressAt: string | null;
  progress: Record<string, unknown> | null;
}): number | null {
  const { step } = progressFigures(job.progress);
  if (step === null || job.startedAt === null || job.progressAt === null) return null;
  const tookMs = Date.parse(job.progressAt) - Date.parse(job.startedAt);
  return tookMs <= 0 || step <= 0 ? null : (1_000 * step) / tookMs;
}

/** `42 %, step 67 of 168, about 3 min left`; empty before anything was told. */
export function progressInWords(figures: ProgressFigures, leftInWords: string | null): string {
  const { percent, step, steps, status } = figures;
  const parts = [
    percent === null ? null : `${Math.floor(percent)} %`,
    step === null ? null : `step ${step}${steps === null ? '' : ` of ${steps}`}`,
    status,
    leftInWords === null ? null : `about ${leftInWords} left`,
  ];
  return parts.filter((part) => part !== null).join(', ');
}
