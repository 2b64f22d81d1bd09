import type { AppHistory } from '../../store/ports.ts';
import { barsPath, Chart, durationTop } from './chart.tsx';
import { shortDuration } from './short-words.ts';

/** How long an app was awake on each day. */
export function AwakeChart({ days }: { days: AppHistory['days'] }) {
  const totalMs = days.reduce((sum, { awakeMs }) => sum + awakeMs, 0);
  const wakes = days.reduce((sum, day) => sum + day.wakes, 0);
  const topMs = durationTop(Math.max(...days.map(({ awakeMs }) => awakeMs)));
  const bars = days.map(({ awakeMs }) => ({ from: 0, to: awakeMs / topMs }));
  return (
    <Chart
      id="awake"
      title="Awake by day"
      summary={`Awake for ${shortDuration(totalMs)} in ${days.length} days, woken ${wakes === 1 ? 'once' : `${wakes} times`}.`}
      top={shortDuration(topMs)}
      middle={shortDuration(topMs / 2)}
      from={days[0]?.day.slice(5) ?? ''}
      to="today"
      drawing={<path class="bars" d={barsPath(bars)} />}
      table={
        <table>
          <thead>
            <tr>
              <th scope="col">Day (UTC)</th>
              <th scope="col">Awake</th>
              <th scope="col">Wakes</th>
            </tr>
          </thead>
          <tbody>
            {[...days]
              .reverse()
              .filter((day) => day.awakeMs > 0 || day.wakes > 0)
              .map((day) => (
                <tr>
                  <td data-label="Day (UTC)">{day.day}</td>
                  <td data-label="Awake">{shortDuration(day.awakeMs)}</td>
                  <td data-label="Wakes">{day.wakes}</td>
                </tr>
              ))}
          </tbody>
        </table>
      }
    />
  );
}
