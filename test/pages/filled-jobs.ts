import type { JobSpecInput } from '../../src/model/job-spec.ts';
import type { JobChange } from '../../src/store/job-ports.ts';
import type { Store } from '../../src/store/ports.ts';
import { addHost, queueLimits, submission } from '../store/job-bed.ts';

const GiB = 1024 ** 3;
const community: JobSpecInput = {
  command: ['python3', '/srv/lab/community.py', '{config}', '{output}'],
  config: { seed: 1, households: 100 },
  limits: { cpus: 1, memoryBytes: GiB },
  tags: { study: 'batteries' },
};
/** What such a job prints, in colours as programs do. */
export const jobLog = new TextEncoder().encode(
  Array.from({ length: 60 }, (_, day) => {
    const self = 38 + ((day * 7) % 41);
    const note = day % 9 === 4 ? ' \u001b[33mgrid limit reached at noon\u001b[0m' : '';
    return `\u001b[2mday ${String(day + 1).padStart(3)}\u001b[0m  self-sufficiency \u001b[1m${self} %\u001b[0m${note}\n`;
  }).join(''),
);

const exited = (exitCode: number) => ({ exitCode, signal: null, outOfMemory: false });

/** Jobs in every state, on two hosts that are full: as many as a page of them gets. */
export async function fillJobs(store: Store, space: string): Promise<void> {
  const submit = (id: string, title: string, more: JobSpecInput = {}, owner = 'ivo') =>
    store.jobs.submit(
      submission(id, { ...community, title, space, ...more }, { owner, space, actor: owner }),
    );
  for (let count = 10; count < 60; count += 1) {
    await submit(`old-${count}`, `Sweep over seeds, ${count}`);
    await store.jobs.cancel(`old-${count}`, { actor: 'ivo', why: 'wrong tariff' });
  }
  await addHost(store, 'lab-1', { cpus: 4, memoryBytes: 8 * GiB, devices: [gpu('GPU-1')] });
  await submit('community-1', 'A hundred houses, one year');
  await submit('community-2', 'A hundred houses, no sun');
  await submit('community-3', 'A hundred houses, two years');
  await submit('training-7', 'Controller of the batteries', { devices: 1 }, 'olga');
  await store.jobs.grant(queueLimits);
  await advance(store, 'community-1', {
    ...{ state: 'succeeded', detail: 'ended with exit code 0', exit: exited(0), release: true },
    now: ['startedAt', 'finishedAt'],
    progress: { step: 365, step_total: 365, progress_pct: 100 },
    result: {
      value: {
        with_batteries: { self_sufficiency: 0.7312, peak_kw: 118.4, cost_eur: 30211.5 },
        without_batteries: { self_sufficiency: 0.4105, peak_kw: 201.9, cost_eur: 48876.25 },
      },
    },
    event: { actor: 'lab-1', what: 'succeeded', why: 'ended with exit code 0' },
  });
  await advance(store, 'community-2', {
    ...{ state: 'failed', cause: 'exit_code', detail: 'ended with exit code 3', exit: exited(3) },
    ...{ release: true, now: ['startedAt', 'finishedAt'] },
    lastLogLines: ['ValueError: the sun never rises at latitude 91'],
    event: { actor: 'lab-1', what: 'failed', why: 'ended with exit code 3' },
  });
  for (const id of ['community-3', 'training-7']) {
    await advance(store, id, {
      ...{ state: 'running', now: ['startedAt'], runDeadlineInMs: 86_400_000 },
      event: { actor: 'lab-1', what: 'started', why: 'attempt 1' },
    });
  }
  await store.jobs.reportProgress([
    { id: 'community-3', attempt: 1, progress: { step: 287, step_total: 730, progress_pct: 39.3 } },
    { id: 'training-7', attempt: 1, progress: { step: 12_000, reward: 3.5 } },
  ]);
  await submit('waiting-0', 'Another controller', { devices: 1 });
  await submit('waiting-1', 'All cores at once', { limits: { cpus: 4, memoryBytes: GiB } }, 'olga');
}

const gpu = (id: string) => ({ id, name: 'H100', memoryBytes: 80 * GiB });

/** What the workflow of a job and its host would write. */
export async function advance(store: Store, id: string, change: JobChange): Promise<void> {
  const job = await store.jobs.begin(id);
  if (job === null) throw new Error(`job/${id} is over already`);
  const { life } = job.mark;
  if (!(await store.jobs.advance(id, { life, revision: 1 }, change))) {
    throw new Error(`job/${id} did not take ${JSON.stringify(change)}`);
  }
}
