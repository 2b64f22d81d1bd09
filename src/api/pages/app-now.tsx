import type { AppJson, UsageJson } from '../../model/api.ts';
import { runtimeKindOf } from '../../model/app-spec.ts';
import { bytesInWords } from '../../model/in-words.ts';
import type { AppSecretJson } from '../../model/secret-api.ts';
import type { AppFacts } from './app-facts.ts';
import { Time } from './time.tsx';

/** Where it runs and what it uses. */
export function AppNow(props: {
  app: AppJson;
  facts: AppFacts;
  access: string;
  mayShare: boolean;
}) {
  const { app, facts, access, mayShare } = props;
  const { condition, links } = app;
  const target = facts.route?.target ?? null;
  return (
    <section class="panel" aria-labelledby="now-heading">
      <h2 id="now-heading">Now</h2>
      <dl>
        {'trouble' in facts.usage ? (
          <>
            <dt>Use of resources</dt>
            <dd>cannot be read: {facts.usage.trouble}</dd>
          </>
        ) : (
          <Usage usage={facts.usage.value} cpuLimit={app.spec.limits.cpus} />
        )}
        <dt>Runs as</dt>
        <dd>
          {runtimeKindOf(app.spec) === 'docker'
            ? 'a container'
            : 'a command: a process that is isolated from nothing'}
        </dd>
        <dt>Host</dt>
        <dd>{condition.host ?? 'none'}</dd>
        <dt>Generation</dt>
        <dd>{condition.generation === 0 ? 'none yet' : condition.generation}</dd>
        <dt>Route</dt>
        <dd>
          {target === null ? (
            'none'
          ) : (
            <span class="mono">
              {target.address}:{target.port} ({target.state})
            </span>
          )}
        </dd>
        <dt>Address</dt>
        <dd>
          <a href={app.url}>{app.url}</a>
        </dd>
        <dt>Opened by</dt>
        <dd>
          {access}
          {mayShare && (
            <>
              {'. '}
              <a href={`/manage/app/${app.name}/sharing`}>Share it by a link</a>
            </>
          )}
        </dd>
        {facts.secrets.length > 0 && (
          <>
            <dt>Secrets</dt>
            {facts.secrets.map((secret) => (
              <dd>
                <span class="mono">{secret.variable}</span> from {secret.name}:{' '}
                {versionWords(secret)}
              </dd>
            ))}
          </>
        )}
        <dt>Registered</dt>
        <dd>
          <Time at={app.createdAt} /> by {app.owner}
        </dd>
        {links.workflow !== null && (
          <>
            <dt>Workflow</dt>
            <dd>
              <a href={links.workflow} rel="noreferrer">
                app/{app.name} in Temporal
              </a>
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}

function versionWords({ version, running, outdated }: AppSecretJson): string {
  const kept = version === null ? 'not kept here, so its host must have it' : `version ${version}`;
  if (running === null) return kept;
  const runs =
    running.version === null ? `the ${running.source} of its host` : `version ${running.version}`;
  if (!outdated) return `runs with ${runs}`;
  return `runs with ${runs}, and ${version ?? 'none'} is set: restart it to use that`;
}

function Usage({ usage, cpuLimit }: { usage: UsageJson | null; cpuLimit: number }) {
  if (usage === null) {
    return (
      <>
        <dt>Memory</dt>
        <dd>nothing runs</dd>
      </>
    );
  }
  const { memoryBytes, memoryLimitBytes, cpus, pids } = usage;
  const share = memoryLimitBytes > 0 ? Math.min(memoryBytes / memoryLimitBytes, 1) : 0;
  return (
    <>
      <dt>Memory</dt>
      <dd>
        <meter aria-label="Memory" min={0} max={1} high={0.85} value={share.toFixed(3)} />{' '}
        {bytesInWords(memoryBytes)} of {bytesInWords(memoryLimitBytes)}
      </dd>
      <dt>CPU</dt>
      <dd>
        <meter
          aria-label="CPU"
          min={0}
          max={1}
          value={Math.min(cpus / Math.max(cpuLimit, 0.01), 1).toFixed(3)}
        />{' '}
        {cpus.toFixed(2)} of {cpuLimit} cores
      </dd>
      <dt>Processes</dt>
      <dd>{pids}</dd>
    </>
  );
}
