import type {
  AppJson,
  AppHistoryJson,
  AppPlanJson,
  AppUsageJson,
  HostJson,
  OperationJson,
  TimelineEventJson,
} from '../model/api.ts';
import { appSpecSchema, type AppSpecInput } from '../model/app-spec.ts';

/** What the documentation shows. A test sends and parses every one of them. */
export const exampleSpec: AppSpecInput = {
  title: 'Live plot',
  description: 'Draws what the lab measures, as it comes.',
  command: ['python3', 'plot.py', '--port', '{port}', '--base', '{base}'],
  environment: { PLOT_TITLE: 'Room 4' },
  preset: 'plain',
  idle: { idleAfterMs: 1_800_000, disconnectedAfterMs: 300_000 },
  limits: { cpus: 1, memoryBytes: 1_073_741_824, pids: 256 },
};

/** The same as a container. */
export const exampleImageSpec: AppSpecInput = {
  title: 'Sales report',
  image: 'registry.example/team/report:v2',
  port: 8501,
  preset: 'streamlit',
};

export const exampleApp: AppJson = {
  name: 'plot',
  title: 'Live plot',
  space: 'default',
  owner: 'local user',
  spec: appSpecSchema.parse(exampleSpec),
  specRevision: 1,
  status: 'ready',
  explanation:
    'plot is ready on local since 2026-03-02 09:15:04 UTC, woken by visitor (GET /app/plot/); without further use it falls asleep at 2026-03-02 09:45:04 UTC.',
  condition: {
    wanted: 'awake',
    phase: 'ready',
    generation: 3,
    host: 'local',
    since: '2026-03-02T09:15:04.120Z',
    actor: 'visitor',
    why: 'GET /app/plot/',
    detail: null,
    restartAt: null,
    sleepsAt: '2026-03-02T09:45:04.120Z',
    exit: null,
    lastLogLines: [],
  },
  url: 'http://localhost:8081/app/plot/',
  links: {
    self: '/api/v1/apps/plot',
    events: '/api/v1/apps/plot/events',
    logs: '/api/v1/apps/plot/logs',
    usage: '/api/v1/apps/plot/usage',
    page: '/manage/app/plot',
    workflow: 'http://localhost:8233/namespaces/default/workflows/app%2Fplot',
  },
  createdAt: '2026-03-01T16:00:00.000Z',
  updatedAt: '2026-03-02T09:15:04.120Z',
};

export const exampleOperation: OperationJson = {
  id: '0b6f6f5e-7f5c-4bb0-9a43-1f2f0f6a7d3c',
  entity: 'app/plot',
  verb: 'wake',
  state: 'succeeded',
  actor: 'local user',
  why: 'demo at ten',
  detail: 'ready as generation 3',
  createdAt: '2026-03-02T09:15:03.000Z',
  finishedAt: '2026-03-02T09:15:04.120Z',
  links: {
    self: '/api/v1/operations/0b6f6f5e-7f5c-4bb0-9a43-1f2f0f6a7d3c',
    entity: '/api/v1/apps/plot',
  },
};

export const exampleAccepted: OperationJson = {
  ...exampleOperation,
  state: 'accepted',
  detail: null,
  finishedAt: null,
};

export const examplePlan: AppPlanJson = {
  name: 'plot',
  outcome: 'replaced',
  effect: 'restart',
  explanation:
    'This restarts plot, because what runs cannot take over a new limits. Who has it open meets the waiting page meanwhile.',
  changes: [{ path: 'limits.cpus', before: 1, after: 2 }],
  warnings: [],
  specRevision: 3,
};

export const exampleEvent: TimelineEventJson = {
  id: '1042',
  entity: 'app/plot',
  at: '2026-03-02T09:15:04.120Z',
  actor: 'visitor',
  what: 'ready',
  why: 'GET /app/plot/',
  data: { generation: 3, host: 'local' },
};

export const exampleUsage: AppUsageJson = {
  name: 'plot',
  generation: 3,
  host: 'local',
  usage: { memoryBytes: 73_400_320, memoryLimitBytes: 1_073_741_824, cpus: 0.02, pids: 5 },
};

export const exampleHistory: AppHistoryJson = {
  name: 'plot',
  days: [
    { day: '2026-03-01', awakeMs: 0, wakes: 0 },
    { day: '2026-03-02', awakeMs: 5_400_000, wakes: 3 },
  ],
  memory: {
    limitBytes: 1_073_741_824,
    stepMs: 60_000,
    points: [
      { at: '2026-03-02T09:15:00.000Z', meanBytes: 73_400_320, peakBytes: 73_400_320 },
      { at: '2026-03-02T09:16:00.000Z', meanBytes: 81_788_928, peakBytes: 81_788_928 },
    ],
  },
  wakes: [
    {
      generation: 3,
      host: 'local',
      askedAt: '2026-03-02T09:15:03.100Z',
      readyAt: '2026-03-02T09:15:04.120Z',
      totalMs: 1020,
      phases: { waitMs: 35, placeMs: 5, pullMs: 0, startMs: 60, probeMs: 912, publishMs: 8 },
    },
  ],
};

export const exampleHost: HostJson = {
  name: 'local',
  online: true,
  seenAgoMs: 1200,
  runtimes: [
    { kind: 'process', ready: true, reason: null },
    { kind: 'docker', ready: false, reason: 'no daemon answers at /var/run/docker.sock' },
  ],
  storage: { state: 'ok', freeBytes: 52_428_800_000, totalBytes: 107_374_182_400 },
  cpus: 8,
  memoryBytes: 33_554_432_000,
};
