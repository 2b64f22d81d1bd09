import type { HostJson } from '../../model/api.ts';
import { bytesInWords, durationInWords } from '../../model/in-words.ts';
import type { Identity } from '../auth/identify.ts';
import { shell } from './shell.tsx';
import { Status } from './status.tsx';
import { Storage, type StorageFacts } from './storage.tsx';

/** `/manage/hosts`: the computers that run apps. */
export function hostsPage(facts: {
  identity: Identity;
  hosts: readonly HostJson[];
  storage: Omit<StorageFacts, 'hosts'>;
}) {
  const { identity, hosts, storage } = facts;
  return shell({
    title: 'Hosts',
    section: 'hosts',
    identity,
    stream: '/api/v1/events/stream',
    everyMs: 10_000,
    children: (
      <>
        <h1>Hosts</h1>
        <p class="soft">Computers whose agent reports to this labkeeper.</p>
        {hosts.length === 0 ? (
          <p class="panel">No host has reported yet. npm start runs one on this machine.</p>
        ) : (
          hosts.map((host) => <HostPanel host={host} />)
        )}
        <Storage hosts={hosts} {...storage} />
      </>
    ),
  });
}

function HostPanel({ host }: { host: HostJson }) {
  const { name, online, seenAgoMs, runtimes, storage } = host;
  const used = storage.totalBytes > 0 ? 1 - storage.freeBytes / storage.totalBytes : 0;
  return (
    <section class="panel" aria-labelledby={`host-${name}`}>
      <div class="lead">
        <h2 id={`host-${name}`}>{name}</h2>
        <Status status={online ? 'online' : 'silent'} words={online ? 'Online' : 'Silent'} />
      </div>
      <dl>
        <dt>Heard of</dt>
        <dd>{durationInWords(seenAgoMs)} ago</dd>
        {runtimes.map(({ kind, ready, reason }) => (
          <>
            <dt>{kind === 'docker' ? 'Containers' : 'Processes'}</dt>
            <dd>
              {ready
                ? `ready${reason ? `: ${reason}` : ''}`
                : `not here: ${reason ?? 'no reason given'}`}
            </dd>
          </>
        ))}
        <dt>Disk</dt>
        <dd>
          <meter
            aria-label={`Disk of ${name}`}
            min={0}
            max={1}
            high={0.9}
            value={used.toFixed(3)}
          />{' '}
          {bytesInWords(storage.freeBytes)} of {bytesInWords(storage.totalBytes)} free{' '}
          {storage.state !== 'ok' && <Status status={storage.state} words={storage.state} />}
        </dd>
        <dt>Cores</dt>
        <dd>{host.cpus}</dd>
        <dt>Memory</dt>
        <dd>{bytesInWords(host.memoryBytes)}</dd>
      </dl>
    </section>
  );
}
