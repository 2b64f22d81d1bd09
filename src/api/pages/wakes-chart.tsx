import type { AppHistory } from '../../store/ports.ts';
import { barsPath, Chart, durationTop } from './chart.tsx';
import { shortDuration, shortMoment } from './short-words.ts';

type Wake = AppHistory['wakes'][number];

/** What the time of a wake was spent on, in the order in which it passes. */
const phases = [
  { key: 'waitMs', mark: 'wait', label: 'Waiting' },
  { key: 'placeMs', mark: 'place', label: 'Choosing a host' },
  { key: 'pullMs', mark: 'pull', label: 'Pulling the image' },
  { key: 'startMs', mark: 'start', label: 'Starting' },
  { key: 'probeMs', mark: 'probe', label: 'Until healthy' },
  { key: 'publishMs', mark: 'publish', label: 'Publishing' },
] as const satisfies readonly { key: keyof Wake; mark: string; label: string }[];

/** How long the last wakes took, and in which phases. */
export function WakesChart({ wakes }: { wakes: AppHistory['wakes'] }) {
  const first = wakes[0];
  const last = wakes.at(-1);
  if (first === undefined || last === undefined) return null;
  const times = wakes.map(({ totalMs }) => totalMs);
  const topMs = durationTop(Math.max(...times));
  const middle = [...times].sort((left, right) => left - right)[Math.floor(times.length / 2)] ?? 0;
  return (
    <Chart
      id="wakes"
      title="Wake times"
      summary={`The last ${wakes.length === 1 ? 'wake' : `${wakes.length} wakes`}: half within ${shortDuration(middle)}, the slowest ${shortDuration(Math.max(...times))}.`}
      top={shortDuration(topMs)}
      middle={shortDuration(topMs / 2)}
      from={shortMoment(first.askedAt)}
      to={shortMoment(last.askedAt)}
      drawing={phases.map(({ mark, key }, at) => (
        <path
          class={`phase-${mark}`}
          d={barsPath(wakes.map((wake) => stretch(wake, at, key, topMs)))}
        />
      ))}
      legend={
        <ul class="legend">
          {phases
            .filter(({ key }) => wakes.some((wake) => wake[key] > 0))
            .map(({ mark, label }) => (
              <li class={`phase-${mark}`}>{label}</li>
            ))}
        </ul>
      }
      table={<WakesTable wakes={wakes} />}
    />
  );
}

/** Where a phase begins and ends in the bar of its wake, as shares of the scale. */
function stretch(wake: Wake, at: number, key: (typeof phases)[number]['key'], topMs: number) {
  const before = phases.slice(0, at).reduce((sum, phase) => sum + wake[phase.key], 0);
  return { from: before / topMs, to: (before + wake[key]) / topMs };
}

function WakesTable({ wakes }: { wakes: readonly Wake[] }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Asked</th>
          <th scope="col">Whole</th>
          {phases.map(({ label }) => (
            <th scope="col">{label}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {[...wakes].reverse().map((wake) => (
          <tr>
            <td data-label="Asked">{shortMoment(wake.askedAt)}</td>
            <td data-label="Whole">{shortDuration(wake.totalMs)}</td>
            {phases.map(({ key, label }) => (
              <td data-label={label}>{shortDuration(wake[key])}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
