import type { Child } from 'hono/jsx';
import { describeExit } from '../../model/app-state.ts';
import { bytesInWords, durationInWords } from '../../model/in-words.ts';
import type { JobJson } from '../../model/job-api.ts';
import { may } from '../../model/roles.ts';
import type { Identity } from '../auth/identify.ts';
import { DoneNotice, type DoneWords } from './done-notice.tsx';
import { JobResult, shortened } from './job-result.tsx';
import { jobMarks, JobProgress, JobStatus } from './job-status.tsx';
import { shell } from './shell.tsx';
import { counted } from './short-words.ts';
import { Time } from './time.tsx';
import { Timeline, type TimelinePage } from './timeline.tsx';

interface JobShown {
  identity: Identity;
  job: JobJson;
  timeline: TimelinePage;
  /** The end of its output, why it cannot be read, or null for those who may not read it. */
  log: { value: string } | { trouble: string } | null;
  done: string;
}

const doneWords: DoneWords = {
  submitted: 'It is submitted.',
  canceled: 'Its end is asked for.',
};

/** `/manage/job/{id}`: all there is to know of one job, and what can be done about it. */
export function jobPage({ identity, job, timeline, log, done }: JobShown) {
  const path = `/manage/job/${job.id}`;
  return shell({
    title: job.title,
    section: 'jobs',
    identity,
    stream: `/api/v1/jobs/${job.id}/events/stream`,
    leastMs: 300,
    everyMs: job.terminal ? 30_000 : 5_000,
    children: (
      <>
        <div class="lead" {...jobMarks(job)}>
          <h1>{job.title}</h1>
          <JobStatus state={job.state} />
        </div>
        <DoneNotice done={done} words={doneWords} />
        <p id="sentence">{job.explanation}</p>
        <JobProgress job={job} />
        <Actions identity={identity} job={job} />
        {job.result !== null && <JobResult job={job} />}
        {log !== null && <Output job={job} log={log} />}
        <div class="split">
          <Facts job={job} />
          <section class="panel" aria-labelledby="timeline-heading">
            <h2 id="timeline-heading">Timeline</h2>
            <Timeline page={timeline} path={path} showsEntity={false} />
          </section>
        </div>
        <details class="panel" id="definition">
          <summary>
            <h2>Definition</h2>
          </summary>
          <pre tabindex={0} aria-label="Definition as JSON">
            {shortened(JSON.stringify(job.spec, null, 2))}
          </pre>
        </details>
      </>
    ),
  });
}

/** Plain forms, so they work without a script. */
function Actions({ identity: { caller }, job }: Pick<JobShown, 'identity' | 'job'>) {
  const mayChange = may(caller, 'job.change', job);
  const maySubmit = may(caller, 'job.submit', { space: job.space, owner: null });
  return (
    <div class="actions">
      {maySubmit && (
        <a class="button" href={`/manage/jobs/new?from=${job.id}`}>
          Submit again, changed
        </a>
      )}
      {mayChange && !job.terminal && job.cancel === null && (
        <details class="confirm">
          <summary class="button danger">Cancel …</summary>
          <div>
            <form class="form" method="post" action={`/manage/job/${job.id}/cancel`}>
              <div class="field">
                <label for="cancel-why">Why</label>
                <input id="cancel-why" name="why" maxlength={200} autocomplete="off" />
                <p class="hint">Shown in its timeline. May be left empty.</p>
              </div>
              <p class="actions">
                <button class="danger">Cancel it</button>
              </p>
            </form>
          </div>
        </details>
      )}
      {mayChange && job.terminal && (
        <details class="confirm">
          <summary class="button danger">Remove …</summary>
          <div>
            <p>
              This removes <strong>{job.title}</strong> with its output and its files. Its timeline
              stays.
            </p>
            <form method="post" action={`/manage/job/${job.id}/remove`}>
              <button class="danger">Remove it</button>
            </form>
          </div>
        </details>
      )}
    </div>
  );
}

function Facts({ job }: { job: JobJson }) {
  const { spec, cancel, exit } = job;
  const { cpus, memoryBytes } = spec.limits;
  const needs = [counted(cpus, 'core'), bytesInWords(memoryBytes)];
  if (spec.devices > 0) needs.push(counted(spec.devices, 'GPU'));
  const tags = Object.entries(spec.tags);
  return (
    <section class="panel" aria-labelledby="facts-heading">
      <h2 id="facts-heading">Facts</h2>
      <dl>
        <Fact name="Id">
          <span class="mono">{job.id}</span>
        </Fact>
        <Fact name="Runs">
          <span class="mono">
            {[spec.image, ...(spec.command ?? [])].filter(Boolean).join(' ')}
          </span>
        </Fact>
        <Fact name="Submitted">
          <Time at={job.submittedAt} /> by {job.owner}, in the space {job.space}
        </Fact>
        {job.startedAt !== null && (
          <Fact name="Started">
            <Time at={job.startedAt} />
          </Fact>
        )}
        {job.finishedAt !== null && (
          <Fact name="Ended">
            <Time at={job.finishedAt} />
            {job.startedAt !== null &&
              `, after ${durationInWords(Date.parse(job.finishedAt) - Date.parse(job.startedAt))}`}
          </Fact>
        )}
        {job.host !== null && (
          <Fact name="Host">
            {job.host}, attempt {job.attempt}
          </Fact>
        )}
        <Fact name="Needs">{needs.join(', ')}</Fact>
        {job.devices.length > 0 && (
          <Fact name="Devices">
            <span class="mono">{job.devices.join(', ')}</span>
          </Fact>
        )}
        {job.imageDigest !== null && (
          <Fact name="Image">
            <span class="mono">{job.imageDigest}</span>
          </Fact>
        )}
        {exit !== null && (
          <Fact name="Exit">
            it {describeExit(exit)}
            {job.cause !== null && ` (${job.cause})`}
          </Fact>
        )}
        {tags.length > 0 && (
          <Fact name="Tags">
            {tags.map(([key, value], at) => (
              <>
                {at > 0 && ', '}
                <a href={`/manage/jobs?tag=${encodeURIComponent(`${key}=${value}`)}`}>
                  {key}={value}
                </a>
              </>
            ))}
          </Fact>
        )}
        {job.finishedAt !== null && (
          <Fact name="Files">
            <a href={job.links.artifacts}>what it left</a>
          </Fact>
        )}
        {job.links.workflow !== null && (
          <Fact name="Workflow">
            <a href={job.links.workflow} rel="noreferrer">
              job/{shortTitle(job.id)} in Temporal
            </a>
          </Fact>
        )}
      </dl>
      {cancel !== null && <Evidence cancel={cancel} />}
    </section>
  );
}

function Fact({ name, children }: { name: string; children?: Child }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

/** What was seen of an end that somebody asked for. */
function Evidence({ cancel }: { cancel: NonNullable<JobJson['cancel']> }) {
  const steps: readonly [string, string | null][] = [
    [`Asked for by ${cancel.actor}: ${cancel.why}`, cancel.requestedAt],
    ['SIGTERM sent', cancel.signalledAt],
    ['SIGKILL sent, since its grace was over', cancel.killedAt],
    ['Nothing of it runs any more', cancel.goneAt],
  ];
  return (
    <>
      <h3>Its end</h3>
      <ol class="list">
        {steps.map(
          ([words, at]) =>
            at !== null && (
              <li class="event">
                <Time at={at} />
                <div>{words}</div>
              </li>
            ),
        )}
      </ol>
    </>
  );
}

/** The last lines, which the script goes on from; `data-over` ends that. */
function Output({ job, log }: { job: JobJson; log: NonNullable<JobShown['log']> }) {
  return (
    <section
      class="panel"
      id="output"
      aria-labelledby="log-heading"
      data-over={job.terminal ? 'true' : undefined}
    >
      <div class="lead">
        <h2 id="log-heading">Output</h2>
        <span class="small">
          <a href={`${job.links.logs}?download=true`}>Download all of it</a>
        </span>
      </div>
      {'trouble' in log ? (
        <p class="soft">It cannot be read now: {log.trouble}.</p>
      ) : (
        <pre
          id="log"
          class="log"
          tabindex={0}
          aria-label="Last lines of its output"
          data-still
          data-ansi
          data-log={`${job.links.logs}?follow=true&tailBytes=65536`}
        >
          {log.value === '' ? 'It has written nothing yet.' : log.value}
        </pre>
      )}
    </section>
  );
}

const shortTitle = (id: string): string => (id.length > 20 ? `${id.slice(0, 12)}…` : id);
