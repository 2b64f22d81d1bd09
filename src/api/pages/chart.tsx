import type { Child } from 'hono/jsx';

/** The drawing area of every chart, in units of its own: it is stretched to the room there is. */
export const plotWidth = 300;
export const plotHeight = 100;

/** Four digits are finer than any screen shows. */
const rounded = (value: number): number => Math.round(value * 10) / 10;

/** Bars next to each other, as one path: `from` and `to` are shares of the height, 0 at the bottom. */
export function barsPath(bars: readonly { from: number; to: number }[]): string {
  const step = plotWidth / Math.max(bars.length, 1);
  return bars
    .map(({ from, to }, at) => {
      if (to <= from) return '';
      const [left, width] = [rounded((at + 0.12) * step), rounded(step * 0.76)];
      const bottom = rounded((1 - from) * plotHeight);
      return `M${left} ${bottom}h${width}V${rounded((1 - to) * plotHeight)}h${-width}z`;
    })
    .join('');
}

/** A line through points whose coordinates are shares; null breaks it. */
export function linePath(points: readonly ({ x: number; y: number } | null)[]): string {
  let isOpen = false;
  return points
    .map((point) => {
      if (point === null) {
        isOpen = false;
        return '';
      }
      const command = isOpen ? 'L' : 'M';
      isOpen = true;
      // A lone point still shows: a line of no length with round ends.
      const dot = command === 'M' ? 'h0' : '';
      return `${command}${rounded(point.x * plotWidth)} ${rounded((1 - point.y) * plotHeight)}${dot}`;
    })
    .join('');
}

/**
 * A chart drawn here, so that pages need no library: what it shows in words, the drawing, and the same as
 * a table for who cannot see it or wants the figures. Labels are text of the page, which no stretching distorts.
 */
export function Chart(props: {
  id: string;
  title: string;
  /** The whole of it in one sentence. */
  summary: string;
  /** What the top and the middle of the scale stand for. */
  top: string;
  middle: string;
  /** What the left and the right end stand for. */
  from: string;
  to: string;
  drawing: Child;
  legend?: Child;
  table: Child;
}) {
  const { id, title, summary, top, middle, from, to, drawing, legend, table } = props;
  return (
    <figure class="chart" aria-labelledby={`${id}-title`}>
      <figcaption>
        <h3 id={`${id}-title`}>{title}</h3>
        <p class="soft small">{summary}</p>
      </figcaption>
      <div class="plot">
        <div class="scale" aria-hidden="true">
          <span>{top}</span>
          <span>{middle}</span>
          <span>0</span>
        </div>
        <svg
          viewBox={`0 0 ${plotWidth} ${plotHeight}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`${title}: ${summary}`}
        >
          <path
            class="grid"
            d={`M0 0H${plotWidth}M0 ${plotHeight / 2}H${plotWidth}M0 ${plotHeight}H${plotWidth}`}
          />
          {drawing}
        </svg>
        <div class="ends" aria-hidden="true">
          <span>{from}</span>
          <span>{to}</span>
        </div>
      </div>
      {legend}
      <details id={`${id}-table`}>
        <summary class="small">As a table</summary>
        {table}
      </details>
    </figure>
  );
}

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const durationTops = [
  ...[0.1, 0.2, 0.5, 1, 2, 4, 10, 20, 30].map((count) => count * second),
  ...[1, 2, 4, 10, 20, 30].map((count) => count * minute),
  ...[1, 2, 4, 8, 12, 24].map((count) => count * hour),
];

/** A round duration that is no less than the greatest: the top of a scale. */
export const durationTop = (greatestMs: number): number =>
  durationTops.find((top) => top >= greatestMs) ?? Math.ceil(greatestMs / (24 * hour)) * 24 * hour;

/** The same for bytes: a power of two, or one and a half of it. */
export function bytesTop(greatest: number): number {
  let top = 1024 * 1024;
  while (top < greatest) top *= 2;
  return top * 0.75 >= greatest && top > 1024 * 1024 ? top * 0.75 : top;
}
