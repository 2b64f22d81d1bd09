/**
 * How a metric is declared: once, with its unit and meaning, and with every value its labels can
 * have. docs/metrics.md is made from the declarations (`npm run docs`), and a test holds what the
 * processes expose to them.
 */
export interface MetricDefinition {
  type: 'counter' | 'gauge' | 'histogram';
  /** Unit and meaning, in one sentence; shown by Prometheus and in the docs. */
  help: string;
  labels?: Readonly<Record<string, LabelValues>>;
  /** Upper bounds of a histogram's buckets, ascending. */
  buckets?: readonly number[];
  /** How the numbers of several processes become one; counters and histograms are always summed. */
  across?: 'sum' | 'max' | 'min';
}

/** Every value, exposed from the start as 0; or what the values are, and how many there may be. */
type LabelValues = readonly string[] | { of: string; atMost: number };

export type MetricDefinitions = Readonly<Record<string, MetricDefinition>>;

/** What is beyond a label's `atMost` is counted together under this value. */
export const otherValue = 'other';

/** Upper bounds in seconds: for answers, in milliseconds and up to ten seconds. */
export const answerSeconds = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10,
] as const;

/** Upper bounds in seconds: for waking an app, up to the pull of a large image. */
export const wakeSeconds = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 600] as const;

/** The value lists of a definition, so that code and declaration cannot differ. */
export type ValueOf<Values> = Values extends readonly string[] ? Values[number] : string;
