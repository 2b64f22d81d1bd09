import { activityInfo } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { Cause } from '../model/app-state.ts';
import type { Attributes, Tracing } from '../tracing/tracing.ts';
import { createPhases, type Phases } from './phases.ts';

/**
 * Runs an activity and records it, with its phases, below the request that caused it. The trace came
 * with the command, through outbox and workflow: so it needs no interceptors, whose package wants an
 * old OpenTelemetry beside it. What nobody asked for in a trace is not recorded.
 */
export async function traced<Result>(
  tracing: Tracing,
  activity: {
    name: string;
    cause: Cause;
    attributes: Attributes;
    /** What a result that is no success is called. */
    failureOf: (result: Result) => string | undefined;
  },
  act: (phases: Phases) => Promise<Result>,
): Promise<Result> {
  const phases = createPhases();
  const beganAtMs = Date.now();
  const beganMs = performance.now();
  const over = (failure: string | undefined) =>
    record(tracing, {
      ...activity,
      ...{ phases, beganAtMs, failure },
      durationMs: performance.now() - beganMs,
    });
  try {
    const result = await act(phases);
    over(activity.failureOf(result));
    return result;
  } catch (error) {
    over(wordFor(error));
    throw error;
  }
}

function record(
  tracing: Tracing,
  activity: {
    name: string;
    cause: Cause;
    attributes: Attributes;
    phases: Phases;
    beganAtMs: number;
    durationMs: number;
    failure: string | undefined;
  },
): void {
  const { traceparent } = activity.cause;
  if (!tracing.on || traceparent === undefined) return;
  const { attempt, workflowExecution, currentAttemptScheduledTimestampMs } = activityInfo();
  const span = tracing.record(traceparent, {
    name: activity.name,
    kind: 'internal',
    beganAtMs: activity.beganAtMs,
    durationMs: activity.durationMs,
    failure: activity.failure,
    attributes: {
      'temporal.workflow_id': workflowExecution?.workflowId ?? '',
      'temporal.run_id': workflowExecution?.runId ?? '',
      'temporal.attempt': attempt,
      // How long the workflow's wish waited for a worker.
      'temporal.queued_ms': Math.max(0, activity.beganAtMs - currentAttemptScheduledTimestampMs),
      ...activity.attributes,
    },
  });
  for (const { phase, beganAtMs, durationMs, failed } of activity.phases.stretches) {
    if (phase === activity.name) continue;
    const failure = failed ? 'failed' : undefined;
    tracing.record(span.traceparent, {
      ...{ name: phase, kind: 'internal', beganAtMs, durationMs, failure },
    });
  }
}

/** Words of ours: a message may quote what an engine or a registry said. */
function wordFor(error: unknown): string {
  if (error instanceof CancelledFailure) return 'overtaken';
  return error instanceof ApplicationFailure ? (error.type ?? 'failed') : 'tried again';
}
