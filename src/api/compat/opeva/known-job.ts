import { jobIdPattern } from '../../../model/job-ids.ts';
import { parseLooseJson } from '../../../model/loose-json.ts';
import {
  isOpevaTerminal,
  opevaStateOf,
  opevaStates,
  type OpevaState,
} from '../../../model/opeva.ts';
import type { ImportedJob, SharedJob } from '../../../store/shared-job-ports.ts';
import { Refusal } from '../refusal.ts';
import type { OpevaDependencies } from './index.ts';

import { isRecord } from '../../../model/is-record.ts';

/** What an id stands for: a job of ours, one of the backend before, or a folder that somebody put there. */
export type KnownJob =
  | { kind: 'ours'; id: string; shared: SharedJob }
  | { kind: 'imported'; id: string; imported: ImportedJob }
  | { kind: 'folder'; id: string };

type Finding = Pick<OpevaDependencies, 'store' | 'sharedFolder'>;

/** Null for an id that is neither registered nor a folder. */
export async function findJob(id: string, deps: Finding): Promise<KnownJob | null> {
  if (!jobIdPattern.test(id)) return null;
  const shared = await deps.store.sharedJobs.find(id);
  if (shared !== null) return { kind: 'ours', id, shared };
  const imported = await deps.store.sharedJobs.findImported(id);
  if (imported !== null) return { kind: 'imported', id, imported };
  return (await deps.sharedFolder.hasFolder(`jobs/${id}`)) ? { kind: 'folder', id } : null;
}

/** The job, or the family's 404. */
export async function requireJob(id: string, deps: Finding): Promise<KnownJob> {
  const known = await findJob(id, deps);
  if (known === null) throw new Refusal(404, 'Job not found');
  return known;
}

/** What is told of a job in every answer. */
export interface JobTold {
  state: OpevaState;
  terminal: boolean;
  exitCode: number | null;
  error: string | null;
}

export async function tellOf(known: KnownJob, deps: Finding): Promise<JobTold> {
  if (known.kind === 'ours') return tellOfOurs(known.shared);
  if (known.kind === 'imported') return tellOfImported(known.imported);
  const text = await deps.sharedFolder.read(`jobs/${known.id}/status.json`, maxStatusBytes);
  const said = typeof text === 'string' ? parseLooseJson(text) : undefined;
  return tellOfRecord(isRecord(said) ? said : {}, 'not_found');
}

const maxStatusBytes = 256 * 1024;

export function tellOfOurs({ job }: SharedJob): JobTold {
  const state = opevaStateOf(job);
  const failed = job.state === 'failed' || job.state === 'expired';
  const { exitCode = null, signal = null } = job.exit ?? {};
  return {
    state,
    terminal: isOpevaTerminal(state),
    exitCode: exitCode ?? (signal === null ? null : (signals[signal] ?? null)),
    error: failed ? (job.detail ?? job.cause) : null,
  };
}

export const tellOfImported = ({ record }: ImportedJob): JobTold => tellOfRecord(record, 'unknown');

/** Nobody looks after it any more: what was under way when it was left is not known. */
function tellOfRecord(
  record: Record<string, unknown>,
  otherwise: 'unknown' | 'not_found',
): JobTold {
  const { status, exit_code: exitCode, error } = record;
  const said = opevaStates.find((state) => state === status);
  const state = said !== undefined && isOpevaTerminal(said) ? said : otherwise;
  return {
    state,
    terminal: true,
    exitCode: typeof exitCode === 'number' ? exitCode : null,
    error: typeof error === 'string' ? error : null,
  };
}

/** As shells and container engines have it: 128 and the number of the signal. */
const signals: Readonly<Record<string, number>> = {
  SIGHUP: 129,
  SIGINT: 130,
  SIGQUIT: 131,
  SIGILL: 132,
  SIGABRT: 134,
  SIGBUS: 135,
  SIGFPE: 136,
  SIGKILL: 137,
  SIGSEGV: 139,
  SIGPIPE: 141,
  SIGTERM: 143,
};
