import type { AppJson } from '../../model/api.ts';
import { describeExit } from '../../model/app-state.ts';
import { durationInWords } from '../../model/in-words.ts';
import type { AppFacts } from './app-facts.ts';
import { Ago, Ahead } from './time.tsx';
import { counted } from './short-words.ts';

/** Why it is as it is: what is wanted, since when, by whom, and what it waits for. */
export function AppWhy({ app, facts }: { app: AppJson; facts: AppFacts }) {
  const { condition, status } = app;
  const { use } = facts;
  const isBroken = status === 'failed' || status === 'restarting';
  return (
    <section class="panel" aria-labelledby="why-heading">
      <h2 id="why-heading">Why</h2>
      <dl>
        <dt>Wanted</dt>
        <dd>{condition.wanted}</dd>
        <dt>Phase</dt>
        <dd>
          {condition.phase === 'none' ? 'nothing runs' : condition.phase}
          {condition.detail !== null && `: ${condition.detail}`}
        </dd>
        <dt>Since</dt>
        <dd>
          <Ago at={condition.since} />
        </dd>
        <dt>Because of</dt>
        <dd>
          {condition.actor}: {condition.why}
        </dd>
        {condition.sleepsAt !== null && (
          <>
            <dt>Sleeps</dt>
            <dd>
              <Ahead at={condition.sleepsAt} /> without further use
            </dd>
          </>
        )}
        {condition.restartAt !== null && (
          <>
            <dt>Starts again</dt>
            <dd>
              <Ahead at={condition.restartAt} />
            </dd>
          </>
        )}
        {condition.exit !== null && (
          <>
            <dt>Last exit</dt>
            <dd>it {describeExit(condition.exit)}</dd>
          </>
        )}
        {use !== null && condition.phase === 'ready' && (
          <>
            <dt>Last use</dt>
            <dd>
              {durationInWords(use.idleMs)} ago{use.reason !== null && `: ${use.reason}`}
            </dd>
            <dt>Now open</dt>
            <dd>
              {counted(use.openSockets, 'connection')}, {counted(use.inFlight, 'request')}
            </dd>
          </>
        )}
      </dl>
      {isBroken && condition.lastLogLines.length > 0 && (
        <>
          <p>Its last lines:</p>
          <pre tabindex={0} aria-label="Last lines before it ended">
            {condition.lastLogLines.join('\n')}
          </pre>
        </>
      )}
    </section>
  );
}
