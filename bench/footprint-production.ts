import { footprint } from './footprint.ts';
import type { Bench } from './measure.ts';

/** The footprint of the production set-up, whose programs are cached: Temporal on PostgreSQL. */
export const bench: Bench = ({ say }) => footprint(['--production'], say);
