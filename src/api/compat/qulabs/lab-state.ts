import { statusOf } from '../../../model/app-view.ts';
import type { Authentication } from '../../../model/bind.ts';
import type { ForeignApp } from '../../../store/deployment-ports.ts';
import type { LabRecord } from './registration.ts';

/** The three words that old clients know. */
type RunningStatus = 'starting' | 'running' | 'stopped';

export interface LabState {
  running_status: RunningStatus;
  /** What labkeeper itself calls it. */
  phase: string;
  error: string | null;
  ready_at: string | null;
}

/** How an app of the family is, from its rows: contract S9, S10. */
export function labStateOf(lab: ForeignApp): LabState {
  const { condition } = lab.app;
  const status = statusOf(condition);
  const isReady = status === 'ready' && lab.serves;
  return {
    running_status: isReady ? 'running' : isComing(lab) ? 'starting' : 'stopped',
    phase: status,
    error: isReady || isComing(lab) ? null : errorOf(lab),
    ready_at: isReady ? condition.since : null,
  };
}

/** On its way, or waiting for an image on behalf of somebody who registered it. */
function isComing({ app, deployment }: ForeignApp): boolean {
  const status = statusOf(app.condition);
  if (status === 'removing') return false;
  if (deployment?.operation.state === 'accepted') return true;
  return status === 'starting' || status === 'restarting' || status === 'ready';
}

function errorOf({ app, deployment }: ForeignApp): string | null {
  const { condition } = app;
  if (condition.phase === 'failed') return condition.detail ?? 'it failed';
  const { operation } = deployment ?? {};
  if (operation?.state !== 'failed' || operation.finishedAt === null) return null;
  return operation.finishedAt >= condition.since ? operation.detail : null;
}

/**
 * Whether somebody has closed it to strangers, which all clients of the family are where people log in: it is
 * neither shown nor woken here, and the gateway asks who opens it.
 */
export const isClosed = (
  { app }: ForeignApp,
  { authentication }: { authentication: Authentication },
): boolean => authentication === 'required' && app.spec.access !== 'everyone';

/** What the family shows of it; a definition that a person changed counts for the image. */
export function recordOf({ app, record }: ForeignApp): LabRecord {
  const { docker_image: image, port } = record as Partial<LabRecord>;
  return { docker_image: image ?? app.spec.image ?? '', port: port ?? app.spec.port ?? 0 };
}
