import { bytesInWords } from '../../model/in-words.ts';
import type { AppHistory } from '../../store/ports.ts';
import { bytesTop, Chart, linePath } from './chart.tsx';
import { shortMoment } from './short-words.ts';

type Point = AppHistory['memory'][number];

/** Points of the drawing, and rows of the table: more cannot be told apart. */
const drawnSteps = 120;
const listedSteps = 24;

/** Memory over a day or a month, with the limit where it is near. */
export function MemoryChart(props: {
  points: AppHistory['memory'];
  limitBytes: number;
  /** Time that the whole chart shows, up to now. */
  spanMs: number;
  stepMs: number;
  nowMs: number;
}) {
  const { points, limitBytes, spanMs, stepMs, nowMs } = props;
  const peak = Math.max(...points.map(({ peakBytes }) => peakBytes));
  const top = bytesTop(peak);
  const beginMs = nowMs - spanMs;
  const drawn = thinned(points, beginMs, spanMs / drawnSteps);
  const gapMs = 1.5 * Math.max(stepMs, spanMs / drawnSteps);
  const line = (of: (point: Point) => number) =>
    linePath(
      drawn.flatMap((point, at) => {
        const before = drawn[at - 1];
        const isGap = before !== undefined && timeOf(point) - timeOf(before) > gapMs;
        const place = { x: (timeOf(point) - beginMs) / spanMs, y: of(point) / top };
        return isGap ? [null, place] : [place];
      }),
    );
  const limitY = (1 - limitBytes / top) * 100;
  return (
    <Chart
      id="memory"
      title="Memory"
      summary={`Peak ${bytesInWords(peak)} of ${bytesInWords(limitBytes)}; gaps are times in which it did not run.`}
      top={bytesInWords(top)}
      middle={bytesInWords(top / 2)}
      from={shortMoment(new Date(beginMs).toISOString())}
      to="now"
      drawing={
        <>
          {limitBytes <= top && <path class="limit" d={`M0 ${limitY.toFixed(1)}H300`} />}
          <path class="line faint" d={line(({ peakBytes }) => peakBytes)} />
          <path class="line" d={line(({ meanBytes }) => meanBytes)} />
        </>
      }
      legend={
        <ul class="legend">
          <li class="bars">Mean</li>
          <li class="faint">Peak</li>
          {limitBytes <= top && <li class="limit">Limit</li>}
        </ul>
      }
      table={<MemoryTable points={thinned(points, beginMs, spanMs / listedSteps)} />}
    />
  );
}

function MemoryTable({ points }: { points: readonly Point[] }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">From (UTC)</th>
          <th scope="col">Mean</th>
          <th scope="col">Peak</th>
        </tr>
      </thead>
      <tbody>
        {[...points].reverse().map(({ at, meanBytes, peakBytes }) => (
          <tr>
            <td data-label="From (UTC)">{shortMoment(at)}</td>
            <td data-label="Mean">{bytesInWords(meanBytes)}</td>
            <td data-label="Peak">{bytesInWords(peakBytes)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const timeOf = ({ at }: Point): number => Date.parse(at);

/** One point a step: the mean of the means and the greatest peak, at the time of the first. */
function thinned(points: readonly Point[], beginMs: number, stepMs: number): Point[] {
  const steps = new Map<number, Point[]>();
  for (const point of points) {
    const step = Math.floor((timeOf(point) - beginMs) / stepMs);
    steps.set(step, [...(steps.get(step) ?? []), point]);
  }
  return [...steps.values()].map((group) => ({
    at: group[0]?.at ?? '',
    meanBytes: group.reduce((sum, { meanBytes }) => sum + meanBytes, 0) / group.length,
    peakBytes: Math.max(...group.map(({ peakBytes }) => peakBytes)),
  }));
}
