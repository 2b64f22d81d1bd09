import { explainSweep, type SweepInput } from '../model/sweep.ts';
import type { SweepJson, SweepRowJson } from '../model/sweep-api.ts';
import type { Sweep } from '../store/sweep-ports.ts';

/** A sweep's row as the API answers it. */
export function sweepJson(sweep: Sweep): SweepJson {
  const { id, tally, total, title } = sweep;
  const self = `/api/v1/sweeps/${id}`;
  const over = tally.succeeded + tally.failed + tally.canceled;
  return {
    id,
    title: title ?? id,
    space: sweep.space,
    owner: sweep.owner,
    type: sweep.type,
    parameters: sweep.parameters,
    total,
    maxParallel: sweep.maxParallel,
    failFast: sweep.failFast,
    state: sweep.state,
    terminal: sweep.finishedAt !== null,
    explanation: explainSweep(sweep, tally),
    detail: sweep.detail,
    jobs: tally,
    percent: Math.floor((over / total) * 1000) / 10,
    submittedAt: sweep.submittedAt,
    since: sweep.since,
    finishedAt: sweep.finishedAt,
    links: {
      self,
      jobs: `${self}/jobs`,
      csv: `${self}/results.csv`,
      page: `/manage/sweep/${id}`,
    },
  };
}

/** What the documentation shows. A test sends and parses every one of them. */
export const exampleSweepBody: SweepInput = {
  title: 'How many batteries pay off',
  job: {
    command: ['python3', '/srv/lab/community.py', '--config', '{config}', '--output', '{output}'],
    config: { days: 7, seed: 1 },
  },
  grid: { households: [4, 8, 12], battery_kwh: [0, 5, 10] },
  maxParallel: 4,
};

export const exampleSweep: SweepJson = sweepJson({
  id: 'batteries',
  number: 1,
  space: 'default',
  owner: 'ada',
  title: 'How many batteries pay off',
  type: null,
  parameters: ['households', 'battery_kwh'],
  total: 9,
  maxParallel: 4,
  failFast: false,
  state: 'running',
  actor: 'ada',
  why: 'submitted',
  detail: null,
  tally: { queued: 3, active: 4, succeeded: 2, failed: 0, canceled: 0 },
  submittedAt: '2026-03-01T09:00:00.000Z',
  since: '2026-03-01T09:00:00.000Z',
  finishedAt: null,
});

export const exampleSweepRow: SweepRowJson = {
  index: 0,
  job: 'batteries.0',
  state: 'succeeded',
  parameters: { households: 4, battery_kwh: 0 },
  progress: { progress_pct: 100 },
  result: { value: { cost: 12.5 } },
  detail: 'ended with exit code 0',
  startedAt: '2026-03-01T09:00:04.000Z',
  finishedAt: '2026-03-01T09:00:10.000Z',
  links: { job: '/api/v1/jobs/batteries.0' },
};
