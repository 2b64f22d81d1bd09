import { z } from 'zod';
import { canonicalJson } from './canonical-json.ts';
import { nameSchema } from './name-schema.ts';
import { accessModes } from './roles.ts';
import { presets, presetSchema, type Preset } from './presets.ts';
import {
  day,
  durationMs,
  limitsField,
  MiB,
  minute,
  programFields,
  second,
} from './program-fields.ts';
import { mountMistakes, mountsSchema } from './volume-mount.ts';

const portSchema = z.int().min(1).max(65_535);

const limitsSchema = limitsField({ memoryBytes: 1024 * MiB, pids: 256 });

const idleSchema = z
  .strictObject({
    idleAfterMs: durationMs('Asleep after this long without use, tab open or not', 30 * minute),
    disconnectedAfterMs: durationMs('Asleep after this long with no open connection', 5 * minute),
    maxAgeMs: durationMs('Asleep after this long awake, whatever happens', day)
      .nullable()
      .default(null),
    warnBeforeMs: durationMs('Open tabs are warned this long before falling asleep', 5 * minute, 0),
  })
  .prefault({})
  .describe('The three idle clocks; the first to end puts the app to sleep');

const restartSchema = z
  .strictObject({
    initialDelayMs: durationMs('Wait before the first restart after a crash', second, 0),
    maxDelayMs: durationMs('The wait doubles up to this', 5 * minute, 0),
    maxRestarts: z.int().min(0).max(1000).default(5).describe('Restarts within the window'),
    windowMs: durationMs('Window of the restart budget', 10 * minute),
  })
  .prefault({})
  .describe('Crash restarts: back-off and budget');

const healthSchema = z
  .strictObject({
    path: z
      .string()
      .regex(/^\/[\x21-\x7e]*$/, 'must be an absolute path of printable characters')
      .max(1024)
      .optional()
      .describe("Path below the app's base; the preset's when absent"),
    startDeadlineMs: durationMs('An instance that is not ready by then has failed', 120 * second),
    probeTimeoutMs: durationMs('One probe waits this long for its answer', 2 * second),
  })
  .prefault({})
  .describe('When an instance counts as ready');

const logSchema = z
  .strictObject({
    maxBytes: z
      .int()
      .min(4096)
      .max(1024 * MiB)
      .default(50 * MiB)
      .describe('Bytes of one log file'),
    files: z.int().min(1).max(20).default(3).describe('Files kept; the oldest is dropped'),
  })
  .prefault({})
  .describe('Bounds of the output that is kept');

const appFields = {
  space: nameSchema.default('default').describe('Space it belongs to: whose members may use it'),
  access: z
    .enum(accessModes)
    .default('members')
    .describe(
      'Who may open it: everyone, people who are logged in, or members of its space (role user and above)',
    ),
  title: z.string().min(1).max(120).optional().describe('Shown to people instead of the name'),
  description: z.string().max(2000).optional().describe('One or two sentences for people'),
  image: programFields.image,
  command: programFields.command,
  workingDirectory: programFields.workingDirectory,
  port: portSchema
    .optional()
    .describe(
      'Port the app listens on inside its container. Processes are told theirs: {port}, PORT',
    ),
  alternativePorts: z
    .array(portSchema)
    .max(4)
    .default([])
    .describe(
      'Other ports an image may listen on instead: what it EXPOSEs decides, else the first to answer',
    ),
  hostPort: portSchema
    .optional()
    .describe('Loopback port of the host on which a container is published too'),
  basePath: z
    .string()
    .max(512)
    .regex(
      /^(?:\/[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}){1,8}$/,
      'must be an absolute path of letters, digits and _ . - without final slash',
    )
    .optional()
    .describe('Path below which the app believes to be served; /app/<name> when absent'),
  environment: programFields.environment,
  secrets: programFields.secrets,
  volumes: mountsSchema,
  preset: presetSchema.default('plain').describe('Family of the app: paths, prefix, environment'),
  prefixMode: z
    .enum(['keep', 'strip', 'detect'])
    .optional()
    .describe(
      "Overrides the preset's prefix mode; detect keeps the prefix unless the app is healthy only without it",
    ),
  tabScript: z.boolean().optional().describe('Tell open tabs about sleep; false opts out'),
  ignoredPaths: z
    .array(
      z
        .string()
        .regex(/^\/[\x21-\x7e]*$/)
        .max(1024),
    )
    .max(100)
    .default([])
    .describe('Further paths that are noise: never use, never wake'),
  ignoredAgents: z
    .array(z.string().min(1).max(200))
    .max(50)
    .default([])
    .describe('User-Agent fragments (case-insensitive) that never wake nor keep awake'),
  apiHoldMs: durationMs('API calls wait this long for a waking app', 60 * second, 0),
  stopGraceMs: durationMs('Between SIGTERM and SIGKILL', 10 * second, 0),
  sleepMode: z
    .enum(['stop', 'pause'])
    .default('stop')
    .describe('pause keeps memory, wakes at once'),
  alwaysOn: z.boolean().default(false).describe('Never sleeps; started again after any exit'),
  limits: limitsSchema,
  idle: idleSchema,
  restart: restartSchema,
  health: healthSchema,
  log: logSchema,
};

/** Asked even when fields are wrong, so that all mistakes are told at once. */
const evenThen = {
  when: ({ value }: { value: unknown }) =>
    typeof value === 'object' && value !== null && !Array.isArray(value),
};

const runsSomething = {
  ...evenThen,
  path: ['image'],
  message: 'give an image or a command',
};
const namesItsPort = { ...evenThen, path: ['port'], message: 'an image needs its port' };
const mountsFit = {
  ...evenThen,
  path: ['volumes'],
  error: ({ input }: { input: unknown }) => mountMistakes(input as Fields).join('; '),
};

const setsEachVariableOnce = {
  ...evenThen,
  path: ['secrets'],
  error: ({ input }: { input: unknown }) =>
    `${setTwice(input as Fields).join(', ')} is set by \`environment\` too`,
};

type Fields = {
  image?: unknown;
  command?: unknown;
  port?: unknown;
  environment?: unknown;
  secrets?: unknown;
  volumes?: unknown;
};
const hasProgram = (spec: Fields) => spec.image !== undefined || spec.command !== undefined;
const hasPort = (spec: Fields) => spec.image === undefined || spec.port !== undefined;
const setTwice = (spec: Fields) => {
  const plain = Object.keys(spec.environment ?? {});
  return Object.keys(spec.secrets ?? {}).filter((name) => plain.includes(name));
};
const hasNoneTwice = (spec: Fields) => setTwice(spec).length === 0;
const hasFittingMounts = (spec: Fields) => mountMistakes(spec).length === 0;

/** What a person registers. Defaults are filled in by parsing; unknown fields are refused. */
export const appSpecSchema = z
  .strictObject(appFields)
  .refine(hasProgram, runsSomething)
  .refine(hasPort, namesItsPort)
  .refine(hasNoneTwice, setsEachVariableOnce)
  .refine(hasFittingMounts, mountsFit);

export type AppSpec = z.infer<typeof appSpecSchema>;
/** The same before defaults: what a client may send. */
export type AppSpecInput = z.input<typeof appSpecSchema>;

/** The same with the name inside, for a POST. */
export const namedAppSpecSchema = z
  .strictObject({ name: nameSchema, ...appFields })
  .refine(hasProgram, runsSomething)
  .refine(hasPort, namesItsPort)
  .refine(hasNoneTwice, setsEachVariableOnce)
  .refine(hasFittingMounts, mountsFit);

export type RuntimeKind = 'docker' | 'process';

export const runtimeKindOf = (spec: Pick<AppSpec, 'image'>): RuntimeKind =>
  spec.image === undefined ? 'process' : 'docker';

/** The durations and budgets the workflow needs, and nothing that only an activity needs. */
export type AppPolicy = Pick<AppSpec, 'idle' | 'restart' | 'alwaysOn' | 'sleepMode'> & {
  startDeadlineMs: number;
  stopGraceMs: number;
};

export const policyOf = (spec: AppSpec): AppPolicy => ({
  idle: spec.idle,
  restart: spec.restart,
  alwaysOn: spec.alwaysOn,
  sleepMode: spec.sleepMode,
  startDeadlineMs: spec.health.startDeadlineMs,
  stopGraceMs: spec.stopGraceMs,
});

/** What a start found out about an app, so that the next one and the gateway know it. */
export interface Learned {
  /** Digest of the image it holds for; null for processes. */
  imageDigest: string | null;
  /** The port that answered inside the container. */
  port: number;
  prefixMode: Preset['prefixMode'];
}

/** The preset with the spec's own choices on top: what gateway and probe go by. */
export function effectivePreset(
  spec: AppSpec,
  learned: Pick<Learned, 'prefixMode'> | null = null,
): Preset {
  const preset = presets[spec.preset];
  const { healthBody, healthStatus, ...rest } = preset;
  // What the preset expects there belongs to the preset's path only.
  const hasOwnPath = spec.health.path !== undefined;
  return {
    ...rest,
    ...(healthBody === undefined || hasOwnPath ? {} : { healthBody }),
    ...(healthStatus === undefined || hasOwnPath ? {} : { healthStatus }),
    prefixMode:
      spec.prefixMode === 'detect'
        ? (learned?.prefixMode ?? 'keep')
        : (spec.prefixMode ?? preset.prefixMode),
    healthPath: spec.health.path ?? preset.healthPath,
    tabScript: spec.tabScript ?? preset.tabScript,
    ignoredPaths: [...preset.ignoredPaths, ...spec.ignoredPaths],
  };
}

/** The public path of an app on the apps listener, without final slash. */
export const appBasePath = (name: string): string => `/app/${name}`;

/** The path below which the app believes to be served, without final slash. */
export const innerBasePath = (name: string, spec: Pick<AppSpec, 'basePath'>): string =>
  spec.basePath ?? appBasePath(name);

const cosmetic = [
  'space',
  'access',
  'title',
  'description',
  'ignoredPaths',
  'ignoredAgents',
  'apiHoldMs',
  'idle',
  'restart',
  'tabScript',
  'alwaysOn',
  'stopGraceMs',
  'sleepMode',
] as const satisfies readonly (keyof AppSpec)[];

/** True when a running instance of `before` cannot go on serving as `after`. */
export function needsNewInstance(before: AppSpec, after: AppSpec): boolean {
  return fieldsThatRestart(before, after).length > 0;
}

/** Fields that differ and that a running instance cannot take over. */
export function fieldsThatRestart(before: AppSpec, after: AppSpec): string[] {
  const fields = new Set([...Object.keys(before), ...Object.keys(after)]) as Set<keyof AppSpec>;
  const heldAtOnce: ReadonlySet<string> = new Set(cosmetic);
  return [...fields].filter(
    (field) =>
      !heldAtOnce.has(field) && canonicalJson([before[field]]) !== canonicalJson([after[field]]),
  );
}
