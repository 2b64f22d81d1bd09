import { parseLooseJson } from '../../../model/loose-json.ts';
import type { OpevaDialect } from '../../../model/opeva.ts';
import type { SharedJob } from '../../../store/shared-job-ports.ts';
import type { OpevaDependencies } from './index.ts';
import { readJson } from './json-files.ts';
import { tellOfOurs, type KnownJob } from './known-job.ts';

import { isRecord } from '../../../model/is-record.ts';

const maxInfoBytes = 1024 * 1024;

/** What a job's own file says of it; null when there is none that can be read. */
export async function readJobInfo(
  id: string,
  { sharedFolder, good }: Pick<OpevaDependencies, 'sharedFolder' | 'good'>,
): Promise<Record<string, unknown> | null> {
  const path = `jobs/${id}/job_info.json`;
  const file = await readJson(sharedFolder, [path], { maxBytes: maxInfoBytes, good });
  const text = file.found === 'json' ? file.text : file.lastGood;
  const value = text === undefined ? undefined : parseLooseJson(text);
  return isRecord(value) ? value : null;
}

/** Keys that are ours come from the row, all others from the file: containers write to it as well. */
export function mergeJobInfo(
  known: KnownJob,
  file: Record<string, unknown>,
  dialect: OpevaDialect,
): Record<string, unknown> {
  if (known.kind === 'ours') return { ...noContainer, ...file, ...ownKeys(known.shared, dialect) };
  if (known.kind === 'imported') return { ...known.imported.record, job_id: known.id, ...file };
  return file;
}

/** Clients read them as text. Containers have names of labkeeper's own: they are found by label. */
const noContainer = { container_id: '', container_name: '' };

/** What labkeeper knows of a job, by the names that clients read. */
export function ownKeys(shared: SharedJob, dialect: OpevaDialect): Record<string, unknown> {
  const { job, record } = shared;
  const { exitCode, error } = tellOfOurs(shared);
  const startedAt = job.startedAt ?? job.submittedAt;
  return {
    job_id: job.id,
    ...record,
    // The first generation writes when it was launched, which was its start.
    ...(dialect === 'classic' ? { started_at: startedAt } : {}),
    ...(exitCode === null ? {} : { exit_code: exitCode }),
    ...(error === null ? {} : { error }),
  };
}
