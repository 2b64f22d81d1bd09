import { jobSpecSchema, type JobSpecInput } from '../model/job-spec.ts';
import { jobTypeSpecSchema, type JobTypeSpecInput } from '../model/job-type.ts';
import type { JobJson, JobTypeJson, QueueJson } from '../model/job-api.ts';

/** What the documentation shows. A test sends and parses every one of them. */
export const exampleJobSpec: JobSpecInput = {
  title: 'Community with twelve batteries',
  command: ['python3', '/srv/lab/community.py', '--config', '{config}', '--output', '{output}'],
  config: { households: 12, days: 7, seed: 1 },
  limits: { cpus: 1, memoryBytes: 1_073_741_824 },
};

export const exampleJob: JobJson = {
  id: '4f7c2f4e-6f0a-4d1e-9a55-0f3a9c1f7b10',
  title: 'Community with twelve batteries',
  space: 'default',
  owner: 'ada',
  type: null,
  spec: jobSpecSchema.parse(exampleJobSpec),
  state: 'running',
  terminal: false,
  cause: null,
  explanation:
    'job/4f7c2f4e-6f0a-4d1e-9a55-0f3a9c1f7b10 runs on lab-1 since 2026-03-01 09:00:04 UTC, attempt 1; at most until 2026-03-02 09:00:04 UTC.',
  detail: null,
  attempt: 1,
  host: 'lab-1',
  hostSilentSince: null,
  devices: [],
  queue: null,
  cancel: null,
  exit: null,
  imageDigest: null,
  progress: { progress_pct: 40, step: 67, step_total: 168 },
  progressAt: '2026-03-01T09:01:10.000Z',
  figures: {
    ...{ percent: 40, step: 67, steps: 168, stepsPerSecond: 1.015, leftMs: 99_000 },
    status: null,
  },
  result: null,
  submittedAt: '2026-03-01T09:00:00.000Z',
  queuedAt: '2026-03-01T09:00:00.000Z',
  startedAt: '2026-03-01T09:00:04.000Z',
  finishedAt: null,
  since: '2026-03-01T09:00:04.000Z',
  lastLogLines: [],
  links: {
    self: '/api/v1/jobs/4f7c2f4e-6f0a-4d1e-9a55-0f3a9c1f7b10',
    events: '/api/v1/jobs/4f7c2f4e-6f0a-4d1e-9a55-0f3a9c1f7b10/events',
    logs: '/api/v1/jobs/4f7c2f4e-6f0a-4d1e-9a55-0f3a9c1f7b10/logs',
    artifacts: '/api/v1/jobs/4f7c2f4e-6f0a-4d1e-9a55-0f3a9c1f7b10/artifacts',
    page: '/manage/job/4f7c2f4e-6f0a-4d1e-9a55-0f3a9c1f7b10',
    workflow: null,
  },
};

export const exampleQueue: QueueJson = {
  hosts: [
    {
      name: 'lab-1',
      takesWork: true,
      cpus: 8,
      memoryBytes: 34_359_738_368,
      devices: 1,
      leases: [
        {
          job: exampleJob.id,
          owner: 'ada',
          cpus: 8,
          memoryBytes: 1_073_741_824,
          devices: 1,
          leftMs: 840_000,
        },
      ],
    },
  ],
  waiting: [
    {
      job: 'run-7',
      owner: 'ada',
      priority: 0,
      waitedMs: 61_000,
      ahead: 0,
      reason: 'waiting for 1 GPU; about 14 min',
      startsInMs: 840_000,
    },
  ],
  holds: [],
};

export const exampleJobTypeSpec: JobTypeSpecInput = {
  title: 'Energy community',
  command: ['python3', '/srv/lab/community.py', '--config', '{config}', '--output', '{output}'],
  config: { households: 12 },
  configSchema: {
    type: 'object',
    properties: {
      households: { type: 'integer', minimum: 1, maximum: 500 },
      days: { type: 'integer', minimum: 1, maximum: 365 },
    },
    required: ['days'],
    additionalProperties: false,
  },
  maxRunning: 4,
};

export const exampleJobType: JobTypeJson = {
  name: 'community',
  title: 'Energy community',
  space: 'default',
  owner: 'ada',
  spec: jobTypeSpecSchema.parse(exampleJobTypeSpec),
  revision: 1,
  createdAt: '2026-03-01T09:00:00.000Z',
  updatedAt: '2026-03-01T09:00:00.000Z',
  links: {
    self: '/api/v1/job-types/community',
    validate: '/api/v1/job-types/community/validate',
  },
};
