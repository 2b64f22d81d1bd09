import type { AppJson } from '../../model/api.ts';
import { may } from '../../model/roles.ts';
import type { Identity } from '../auth/identify.ts';
import { AppActionBar } from './app-action-bar.tsx';
import { AppCharts } from './app-charts.tsx';
import type { AppFacts } from './app-facts.ts';
import { AppNow } from './app-now.tsx';
import { AppWhy } from './app-why.tsx';
import { OperationNotice } from './operation-notice.tsx';
import { shell } from './shell.tsx';
import { appMarks, Status, statusWords } from './status.tsx';
import { Timeline } from './timeline.tsx';

/** `/manage/app/{name}`: all there is to know of one app, and what can be done about it. */
export function appPage(options: {
  identity: Identity;
  app: AppJson;
  facts: AppFacts;
  /** Who may open it, as the end of a sentence. */
  access: string;
}) {
  const { identity, app, facts, access } = options;
  const { name, title, status, spec, explanation } = app;
  const path = `/manage/app/${name}`;
  return shell({
    title,
    section: 'manage',
    identity,
    stream: `/api/v1/apps/${name}/events/stream`,
    everyMs: 5_000,
    children: (
      <>
        <div class="lead" {...appMarks(app)}>
          <h1>{title}</h1>
          <Status status={status} words={statusWords[status]} />
        </div>
        {spec.description !== undefined && <p class="soft">{spec.description}</p>}
        <p id="sentence">{explanation}</p>
        {facts.operation !== null && <OperationNotice operation={facts.operation} />}
        <AppActionBar app={app} caller={identity.caller} />
        <div class="split">
          <AppWhy app={app} facts={facts} />
          <AppNow {...{ app, facts, access }} mayShare={may(identity.caller, 'app.share', app)} />
        </div>
        <AppCharts app={app} history={facts.history} />
        {facts.log !== null && <AppOutput app={app} log={facts.log} />}
        <section class="panel" aria-labelledby="timeline-heading">
          <h2 id="timeline-heading">Timeline</h2>
          <Timeline page={facts.timeline} path={path} showsEntity={false} />
        </section>
        <details class="panel" id="definition">
          <summary>
            <h2>Definition {app.specRevision}</h2>
          </summary>
          <pre tabindex={0} aria-label="Definition as JSON">
            {JSON.stringify(spec, null, 2)}
          </pre>
        </details>
      </>
    ),
  });
}

/** The last lines, which the script goes on from. */
function AppOutput({ app, log }: { app: AppJson; log: NonNullable<AppFacts['log']> }) {
  return (
    <section class="panel" aria-labelledby="log-heading">
      <div class="lead">
        <h2 id="log-heading">Output</h2>
        <a class="small" href={app.links.logs}>
          Plain text
        </a>
      </div>
      {'trouble' in log ? (
        <p class="soft">It cannot be read now: {log.trouble}.</p>
      ) : (
        <pre
          id="log"
          tabindex={0}
          aria-label="Last lines of its output"
          data-still
          data-log={`${app.links.logs}?follow=true&tailBytes=12288`}
        >
          {log.value === '' ? 'It has written nothing yet.' : log.value}
        </pre>
      )}
    </section>
  );
}
