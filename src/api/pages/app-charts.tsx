import type { AppJson } from '../../model/api.ts';
import type { AppFacts } from './app-facts.ts';
import { AwakeChart } from './awake-chart.tsx';
import { MemoryChart } from './memory-chart.tsx';
import { WakesChart } from './wakes-chart.tsx';

/** What an app did over time. */
export function AppCharts({ app, history }: { app: AppJson; history: AppFacts['history'] }) {
  const { days, memory, wakes, span, spanMs, stepMs } = history;
  const hasRun = wakes.length > 0 || memory.length > 0 || days.some(({ awakeMs }) => awakeMs > 0);
  return (
    <section class="panel" aria-labelledby="history-heading">
      <div class="lead">
        <h2 id="history-heading">History</h2>
        {hasRun && <Spans name={app.name} span={span} />}
      </div>
      {hasRun ? (
        <div class="charts">
          <AwakeChart days={days} />
          <WakesChart wakes={wakes} />
          {memory.length === 0 ? (
            <p class="soft">
              No memory was measured in the last {span === 'day' ? 'day' : '30 days'}.
            </p>
          ) : (
            <MemoryChart
              points={memory}
              limitBytes={app.spec.limits.memoryBytes}
              {...{ spanMs, stepMs }}
              nowMs={Date.now()}
            />
          )}
        </div>
      ) : (
        <p class="soft">It has not run in the last {days.length} days.</p>
      )}
    </section>
  );
}

function Spans({ name, span }: { name: string; span: 'day' | 'month' }) {
  const page = `/manage/app/${name}`;
  const other = span === 'day' ? `${page}?memory=month#memory-title` : `${page}#memory-title`;
  return (
    <a class="small" href={other}>
      Memory of {span === 'day' ? 'the last 30 days' : 'the last day'}
    </a>
  );
}
