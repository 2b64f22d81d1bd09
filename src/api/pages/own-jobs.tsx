import type { JobJson } from '../../model/job-api.ts';
import { activeJobStates, endedJobStates } from '../../model/job-state.ts';
import type { Caller } from '../../model/roles.ts';
import type { ApiDependencies } from '../dependencies.ts';
import type { Identity } from '../auth/identify.ts';
import { jobFor } from '../present-jobs.ts';
import { JobTable } from './jobs-page.tsx';
import { mayAnywhere } from './places.ts';

/** What a person submitted: all that is not over, up to a limit, and the last that are. */
export type OwnJobs = readonly JobJson[];

const mostActive = 10;
const mostEnded = 5;

export async function readOwnJobs(
  { store, settings }: Pick<ApiDependencies, 'store' | 'settings'>,
  caller: Caller,
): Promise<OwnJobs> {
  const owner = caller.person;
  if (owner === null) return [];
  const [active, ended, silent] = await Promise.all([
    store.jobs.list({ owner, states: activeJobStates, limit: mostActive }),
    store.jobs.list({ owner, states: endedJobStates, limit: mostEnded }),
    store.hosts.silent(),
  ]);
  return [...active, ...ended].map((job) => jobFor(caller, job, null, settings, silent));
}

/** Left out for those who have none and may submit none. */
export function OwnJobsPanel({
  identity: { caller },
  jobs,
}: {
  identity: Identity;
  jobs: OwnJobs;
}) {
  const maySubmit = mayAnywhere(caller, 'job.submit');
  if (jobs.length === 0 && !maySubmit) return null;
  return (
    <section class="panel" aria-labelledby="jobs-heading">
      <div class="lead">
        <h2 id="jobs-heading">My jobs</h2>
        {maySubmit && (
          <a class="button" href="/manage/jobs/new">
            Submit a job
          </a>
        )}
      </div>
      {jobs.length === 0 ? (
        <p class="soft">A computation that runs and ends. You submitted none yet.</p>
      ) : (
        <JobTable jobs={jobs} isOwn />
      )}
      {jobs.length > 0 && caller.person !== null && (
        <p class="small">
          <a href={`/manage/jobs?${new URLSearchParams({ owner: caller.person })}`}>All of mine</a>
        </p>
      )}
    </section>
  );
}
