import { bytesInWords, durationInWords } from '../../model/in-words.ts';
import type { QueueJson } from '../../model/job-api.ts';
import type { Identity } from '../auth/identify.ts';
import { shortId } from './jobs-page.tsx';
import { shell } from './shell.tsx';
import { counted } from './short-words.ts';
import { Status } from './status.tsx';
import { Time } from './time.tsx';

type QueueHost = QueueJson['hosts'][number];

/** So many of those who wait are shown: more are counted. */
const mostWaiting = 100;

/** `/manage/queue`: who runs where, who waits, in which order and why. */
export function queuePage({ identity, queue }: { identity: Identity; queue: QueueJson }) {
  const { hosts, waiting, holds } = queue;
  return shell({
    title: 'Queue',
    section: 'jobs',
    identity,
    stream: '/api/v1/events/stream',
    leastMs: 400,
    everyMs: 5_000,
    children: (
      <>
        <div class="lead">
          <h1>Queue</h1>
          <p class="actions">
            <a class="button" href="/manage/jobs">
              All jobs
            </a>
          </p>
        </div>
        <p class="soft">{summaryOf(queue)}</p>
        {holds.map(({ scope, actor, why, since }) => (
          <p class="notice" data-status="low">
            {scope === 'queue' ? 'All jobs are' : `Jobs of ${scope} are`} held by {actor} since{' '}
            <Time at={since} />: {why}
          </p>
        ))}
        <section aria-labelledby="hosts-heading">
          <h2 id="hosts-heading">Who runs where</h2>
          {hosts.length === 0 ? (
            <p class="panel">No host offers room for jobs.</p>
          ) : (
            <div class="split">
              {hosts.map((host) => (
                <HostPanel host={host} />
              ))}
            </div>
          )}
        </section>
        <section class="panel" aria-labelledby="waiting-heading">
          <h2 id="waiting-heading">Who waits</h2>
          {waiting.length === 0 ? <p class="soft">Nobody.</p> : <Waiting waiting={waiting} />}
        </section>
      </>
    ),
  });
}

function summaryOf({ hosts, waiting }: QueueJson): string {
  const running = hosts.reduce((sum, { leases }) => sum + leases.length, 0);
  return `${counted(running, 'job')} on ${counted(hosts.length, 'host')}, and ${waiting.length} waiting. Whoever holds least goes first; who waits rises.`;
}

function HostPanel({ host }: { host: QueueHost }) {
  const { name, takesWork, cpus, leases } = host;
  return (
    <section class="panel" aria-labelledby={`queue-${name}`}>
      <div class="lead">
        <h3 id={`queue-${name}`}>{name}</h3>
        {!takesWork && <Status status="silent" words="Takes no work" />}
      </div>
      {cpus > 0 && <Bars {...host} />}
      {leases.length === 0 ? (
        <p class="soft small">{cpus > 0 ? 'Nothing runs on it.' : 'It offers no room to jobs.'}</p>
      ) : (
        <ul class="list small">
          {leases.map((lease) => (
            <li>
              <JobName job={lease.job} />
              {lease.owner !== null && ` of ${lease.owner}`}: {counted(lease.cpus, 'core')},{' '}
              {bytesInWords(lease.memoryBytes)}
              {lease.devices > 0 && `, ${counted(lease.devices, 'GPU')}`}
              {lease.leftMs !== null &&
                lease.leftMs > 0 &&
                `; about ${durationInWords(lease.leftMs)} more`}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Bars({ cpus, memoryBytes, devices, leases }: QueueHost) {
  const sum = (of: (lease: QueueHost['leases'][number]) => number) =>
    leases.reduce((total, lease) => total + of(lease), 0);
  return (
    <dl class="bars">
      <dt>Cores</dt>
      <dd>
        <Bar parts={leases.map((lease) => lease.cpus)} whole={cpus} />
        {shortNumber(sum((lease) => lease.cpus))} of {shortNumber(cpus)}
      </dd>
      <dt>Memory</dt>
      <dd>
        <Bar parts={leases.map((lease) => lease.memoryBytes)} whole={memoryBytes} />
        {bytesInWords(sum((lease) => lease.memoryBytes))} of {bytesInWords(memoryBytes)}
      </dd>
      {devices > 0 && (
        <>
          <dt>GPUs</dt>
          <dd>
            <Bar parts={leases.map((lease) => lease.devices)} whole={devices} />
            {sum((lease) => lease.devices)} of {devices}
          </dd>
        </>
      )}
    </dl>
  );
}

/** One stretch a lease; the figures stand beside it. */
function Bar({ parts, whole }: { parts: readonly number[]; whole: number }) {
  const shares = parts.map((part) => (whole > 0 ? (100 * part) / whole : 0));
  return (
    <svg class="lease-bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
      <rect class="free" width="100" height="1" />
      {shares.map((width, at) => {
        const left = shares.slice(0, at).reduce((sum, share) => sum + share, 0);
        return (
          <rect
            class={at % 2 === 0 ? 'even' : 'odd'}
            x={left.toFixed(2)}
            width={Math.min(width, 100 - left).toFixed(2)}
            height="1"
          />
        );
      })}
    </svg>
  );
}

function Waiting({ waiting }: Pick<QueueJson, 'waiting'>) {
  return (
    <>
      <ol class="list">
        {waiting.slice(0, mostWaiting).map(({ job, owner, waitedMs, reason, priority }, at) => (
          <li id={job === null ? undefined : `waiting-${job}`}>
            <span class="count">{at + 1}.</span> <JobName job={job} />
            {owner !== null && ` of ${owner}`}
            {priority !== 0 && `, priority ${priority}`}, for {durationInWords(waitedMs)}
            {reason !== null && <div class="soft small">{firstUpper(reason)}.</div>}
          </li>
        ))}
      </ol>
      {waiting.length > mostWaiting && (
        <p class="soft">And {waiting.length - mostWaiting} more behind them.</p>
      )}
    </>
  );
}

/** Jobs in spaces of others are there, and nothing is told of them. */
function JobName({ job }: { job: string | null }) {
  if (job === null) return <span class="soft">a job in another space</span>;
  return <a href={`/manage/job/${job}`}>{shortId(job)}</a>;
}

const firstUpper = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const shortNumber = (value: number): string => String(Math.round(value * 100) / 100);
