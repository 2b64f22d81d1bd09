import type { AccessMode } from '../../model/roles.ts';
import { presetSchema } from '../../model/presets.ts';
import { joinWords, splitWords } from './command-words.ts';
import {
  readLines,
  readMounts,
  readPairs,
  writeLines,
  writeMounts,
  writePairs,
  type Reading,
} from './form-lines.ts';

/** One control of the form of an app. Its name is the path of the field in a definition. */
export interface AppField {
  path: string;
  label: string;
  hint?: string;
  control: 'text' | 'prose' | 'number' | 'lines' | 'choice' | 'switch';
  options?: readonly { value: string; label: string }[];
  /** What a number counts here, and how much that is in the definition. */
  unit?: { words: string; size: number };
  /** From the text of the control to the value; undefined leaves the field to its default. */
  read(text: string): Reading;
  write(value: unknown): string;
}

export interface FieldGroup {
  title: string;
  /** Folded away: few need it. */
  isRare?: boolean;
  /** Begins with the space, which is chosen among those that the person may register in. */
  hasSpace?: boolean;
  fields: readonly AppField[];
}

type More = Partial<Pick<AppField, 'hint' | 'unit'>>;

const text = (path: string, label: string, more: More = {}): AppField => ({
  path,
  label,
  control: 'text',
  read: (given) => ({ value: given.trim() === '' ? undefined : given.trim() }),
  write: (value) => (typeof value === 'string' ? value : ''),
  ...more,
});

const number = (path: string, label: string, more: More = {}): AppField => ({
  path,
  label,
  control: 'number',
  read: (given) => {
    if (given.trim() === '') return { value: undefined };
    const count = Number(given.trim().replace(',', '.'));
    if (!Number.isFinite(count)) return { mistake: 'must be a number' };
    return { value: more.unit === undefined ? count : Math.round(count * more.unit.size) };
  },
  write: (value) =>
    typeof value === 'number' ? String(Number((value / (more.unit?.size ?? 1)).toFixed(7))) : '',
  ...more,
});

const choice = (
  path: string,
  label: string,
  options: readonly (readonly [value: string, label: string])[],
  more: More = {},
): AppField => ({
  path,
  label,
  control: 'choice',
  options: options.map(([value, words]) => ({ value, label: words })),
  read: (given) => ({ value: given === '' ? undefined : given }),
  write: (value) => (typeof value === 'string' ? value : ''),
  ...more,
});

const lines = (
  path: string,
  label: string,
  form: Pick<AppField, 'read' | 'write'>,
  more: More = {},
): AppField => ({ path, label, control: 'lines', ...form, ...more });

const onOff = (path: string, label: string, more: More = {}): AppField => ({
  path,
  label,
  control: 'switch',
  read: (given) => ({ value: given === 'on' }),
  write: (value) => (value === true ? 'on' : ''),
  ...more,
});

const seconds = { unit: { words: 's', size: 1_000 } };
const minutes = { unit: { words: 'min', size: 60_000 } };
const mebibytes = { unit: { words: 'MiB', size: 1024 * 1024 } };
const asPreset = ['', 'As the preset says'] as const;

/** The fields of a definition that people set here; all others are kept as they are. */
export const fieldGroups: readonly FieldGroup[] = [
  {
    title: 'What it is',
    fields: [
      text('title', 'Title', { hint: 'Shown instead of the name.' }),
      {
        ...text('description', 'Description', { hint: 'One or two sentences for people.' }),
        control: 'prose',
      },
    ],
  },
  {
    title: 'What runs',
    fields: [
      choice(
        'preset',
        'Preset',
        presetSchema.options.map((name) => [name, name] as const),
        {
          hint: 'The family of the app: what it is told of its port and path, and how its health is asked.',
        },
      ),
      number('port', 'Port in the container', { hint: 'Only with an image.' }),
      text('workingDirectory', 'Working directory'),
      text('image', 'Container image', {
        hint: 'Without one the command runs as a plain process.',
      }),
      lines(
        'command',
        'Command',
        {
          read: (given) => {
            const split = splitWords(given);
            if ('mistake' in split) return split;
            return { value: split.words.length === 0 ? undefined : split.words };
          },
          write: (value) => joinWords((value ?? []) as string[]),
        },
        {
          hint: 'Quotes keep words together; no shell reads it. {port}, {base} and {volume:NAME} are replaced.',
        },
      ),
    ],
  },
  {
    title: 'What it is given',
    fields: [
      lines(
        'environment',
        'Variables',
        { read: (given) => readPairs(given, 'NAME=value'), write: writePairs },
        { hint: 'NAME=value, one a line. Never a password: those are secrets.' },
      ),
      lines(
        'secrets',
        'Secrets',
        { read: (given) => readPairs(given, 'VARIABLE=name-of-the-secret'), write: writePairs },
        { hint: 'VARIABLE=name-of-the-secret, one a line.' },
      ),
      lines(
        'volumes',
        'Volumes',
        { read: readMounts, write: writeMounts },
        {
          hint: 'NAME, PATH in the container and perhaps ro, one a line. Made when there is none.',
        },
      ),
    ],
  },
  {
    title: 'Who may open it',
    hasSpace: true,
    fields: [
      choice('access', 'Open to', [
        ['members', 'Members of its space'],
        ['people', 'Everybody who is logged in'],
        ['everyone', 'Everyone, without a login'],
      ] satisfies [AccessMode, string][]),
    ],
  },
  {
    title: 'When it sleeps',
    fields: [
      number('idle.idleAfterMs', 'Without use for', minutes),
      number('idle.disconnectedAfterMs', 'Nobody connected for', minutes),
      number('idle.maxAgeMs', 'At most awake for', {
        ...minutes,
        hint: 'Empty: as long as it is used.',
      }),
      number('idle.warnBeforeMs', 'Warn open tabs before', minutes),
      choice('sleepMode', 'Sleeping means', [
        ['stop', 'Stopped: frees memory'],
        ['pause', 'Paused: keeps memory, wakes at once'],
      ]),
      onOff('alwaysOn', 'Always on', { hint: 'Never sleeps; started again after any exit.' }),
    ],
  },
  {
    title: 'What it may use',
    fields: [
      number('limits.cpus', 'CPU cores'),
      number('limits.memoryBytes', 'Memory', mebibytes),
      number('limits.pids', 'Processes and threads'),
    ],
  },
  {
    title: 'Health, paths and restarts',
    isRare: true,
    fields: [
      text('health.path', 'Health path', {
        hint: "Below the app's base; the preset's when empty.",
      }),
      number('health.startDeadlineMs', 'Must be ready within', seconds),
      number('health.probeTimeoutMs', 'One probe waits', seconds),
      number('stopGraceMs', 'Time to end by itself', seconds),
      number('apiHoldMs', 'API calls wait for it', seconds),
      choice('prefixMode', 'Path prefix', [
        asPreset,
        ['keep', 'Kept: it sees /app/NAME/…'],
        ['strip', 'Stripped: it sees /…'],
        ['detect', 'Found out at its start'],
      ]),
      {
        ...choice('tabScript', 'Tell open tabs about sleep', [
          asPreset,
          ['true', 'Yes'],
          ['false', 'No'],
        ]),
        read: (given) => ({ value: given === '' ? undefined : given === 'true' }),
        write: (value) => (typeof value === 'boolean' ? String(value) : ''),
      },
      number('restart.maxRestarts', 'Restarts after crashes'),
      number('restart.windowMs', 'Counted over', minutes),
      lines(
        'ignoredPaths',
        'Paths that are no use',
        { read: readLines, write: writeLines },
        { hint: 'One a line, such as /metrics: they neither wake it nor keep it awake.' },
      ),
      lines(
        'ignoredAgents',
        'Agents that are no use',
        { read: readLines, write: writeLines },
        { hint: 'Parts of a User-Agent, one a line, such as UptimeRobot.' },
      ),
    ],
  },
];

/** Chosen among what its page offers. */
const spaceField = text('space', 'Space');

export const allFields: readonly AppField[] = [
  spaceField,
  ...fieldGroups.flatMap(({ fields }) => fields),
];

/** `environment.FOO` belongs to the control `environment`. */
export function fieldOf(path: string): AppField | null {
  return (
    allFields.find((field) => path === field.path || path.startsWith(`${field.path}.`)) ?? null
  );
}
