import type { JobJson } from '../../model/job-api.ts';
import { jobStates } from '../../model/job-state.ts';
import type { Identity } from '../auth/identify.ts';
import { DoneNotice, type DoneWords } from './done-notice.tsx';
import { FilterChoice } from './filter-choice.tsx';
import { isJobFiltered, type JobFilter } from './job-filter.ts';
import { jobMarks, JobProgress, JobStatus, jobStateWords } from './job-status.tsx';
import { mayAnywhere } from './places.ts';
import { shell } from './shell.tsx';
import { Ago } from './time.tsx';

interface JobsShown {
  identity: Identity;
  jobs: readonly JobJson[];
  filter: JobFilter;
  /** Spaces to choose from. */
  spaces: readonly string[];
  /** Address of the newest; null on it. */
  first: string | null;
  /** Address of the page behind; null at the end. */
  next: string | null;
  done: string;
}

const doneWords: DoneWords = { removed: 'The job is gone. Its timeline stays.' };

/** `/manage/jobs`: all jobs somebody may see, from the newest on. */
export function jobsPage(shown: JobsShown) {
  const { identity, jobs, filter, first, next, done } = shown;
  return shell({
    title: 'Jobs',
    section: 'jobs',
    identity,
    stream: '/api/v1/events/stream',
    leastMs: 400,
    everyMs: 5_000,
    children: (
      <>
        <div class="lead">
          <h1>Jobs</h1>
          <p class="actions">
            <a class="button" href="/manage/queue">
              Queue
            </a>
            {mayAnywhere(identity.caller, 'job.submit') && (
              <a class="button primary" href="/manage/jobs/new">
                Submit a job
              </a>
            )}
          </p>
        </div>
        <DoneNotice done={done} words={doneWords} />
        <section class="panel" aria-label="Jobs">
          <Filter {...shown} />
          {jobs.length === 0 ? (
            <p class="soft">
              {isJobFiltered(filter) ? 'No job fits the filter.' : 'Nothing was submitted yet.'}
            </p>
          ) : (
            <JobTable jobs={jobs} />
          )}
          {(first !== null || next !== null) && (
            <nav class="actions pages" aria-label="Pages of jobs">
              {first !== null && (
                <a class="button" href={first}>
                  Newest
                </a>
              )}
              {next !== null && (
                <a class="button" href={next} rel="next">
                  Older
                </a>
              )}
            </nav>
          )}
        </section>
      </>
    ),
  });
}

function Filter({ filter, spaces, identity: { caller } }: JobsShown) {
  const states = jobStates.map((value) => ({ value, label: jobStateWords[value] }));
  return (
    <form class="filter" method="get" action="/manage/jobs" role="search" data-filter>
      <label>
        Id or title
        <input type="search" name="search" value={filter.search} maxlength={100} />
      </label>
      <FilterChoice name="state" label="State" chosen={filter.state} options={states} />
      <label>
        Submitted by
        <input
          type="search"
          name="owner"
          value={filter.owner}
          maxlength={100}
          placeholder={caller.person ?? undefined}
        />
      </label>
      {(spaces.length > 1 || filter.space !== null) && (
        <FilterChoice
          name="space"
          label="Space"
          chosen={filter.space}
          options={spaces.map((value) => ({ value, label: value }))}
        />
      )}
      <label>
        Tag
        <input
          type="search"
          name="tag"
          value={filter.tag}
          maxlength={100}
          placeholder="key=value"
        />
      </label>
      <button>Filter</button>
      {isJobFiltered(filter) && (
        <a class="button" href="/manage/jobs">
          Show all
        </a>
      )}
    </form>
  );
}

/** Jobs as rows, each a link to its page. */
export function JobTable({ jobs, isOwn = false }: { jobs: readonly JobJson[]; isOwn?: boolean }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Job</th>
          <th scope="col">State</th>
          <th scope="col">Progress</th>
          <th scope="col">Since</th>
          {!isOwn && <th scope="col">By</th>}
          {!isOwn && <th scope="col">Space</th>}
          <th scope="col">Host</th>
        </tr>
      </thead>
      <tbody>
        {jobs.map((job) => (
          <tr id={`job-${job.id}`} {...jobMarks(job)}>
            <td data-label="Job">
              <div>
                <a href={`/manage/job/${job.id}`}>
                  {job.title === job.id ? shortId(job.id) : job.title}
                </a>
                {job.title !== job.id && <div class="soft small mono">{shortId(job.id)}</div>}
              </div>
            </td>
            <td data-label="State">
              <JobStatus state={job.state} />
            </td>
            <td data-label="Progress">
              <JobProgress job={job} isShort />
            </td>
            <td data-label="Since">
              <Ago at={job.since} />
            </td>
            {!isOwn && (
              <td data-label="By" class="roomy">
                {job.owner}
              </td>
            )}
            {!isOwn && (
              <td data-label="Space" class="roomy">
                {job.space}
              </td>
            )}
            <td data-label="Host" class="roomy">
              {job.host ?? '–'}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The beginning of an id that was made here tells it apart. */
export const shortId = (id: string): string => (/^[0-9a-f]{8}-/.test(id) ? id.slice(0, 8) : id);
