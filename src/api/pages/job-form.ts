import { jobSpecSchema, type JobSpec } from '../../model/job-spec.ts';
import { joinWords, splitWords } from './command-words.ts';
import { readPairs, writePairs, type Reading } from './form-lines.ts';
import type { Sent } from './forms.ts';

const GiB = 1024 ** 3;
const hourMs = 3_600_000;

/** What the form of a job offers; each is called as the field of the definition it sets. */
interface JobField {
  path: string;
  read(text: string): Reading;
  write(spec: JobSpec): string;
}

const word = (path: 'title' | 'image' | 'host' | 'space'): JobField => ({
  path,
  read: (text) => ({ value: text.trim() === '' ? undefined : text.trim() }),
  write: (spec) => spec[path] ?? '',
});

const number = (path: string, unit: number, of: (spec: JobSpec) => number): JobField => ({
  path,
  read(text) {
    if (text.trim() === '') return { value: undefined };
    const count = Number(text.trim().replace(',', '.'));
    if (!Number.isFinite(count)) return { mistake: 'must be a number' };
    return { value: unit === 1 ? count : Math.round(count * unit) };
  },
  write: (spec) => String(Number((of(spec) / unit).toFixed(6))),
});

const fields: readonly JobField[] = [
  word('title'),
  word('space'),
  word('image'),
  {
    path: 'command',
    read(text) {
      const split = splitWords(text);
      if ('mistake' in split) return split;
      return { value: split.words.length === 0 ? undefined : split.words };
    },
    write: ({ command }) => joinWords(command ?? []),
  },
  {
    path: 'config',
    read: readConfig,
    write: ({ config }) => (config === undefined ? '' : JSON.stringify(config, null, 2)),
  },
  number('limits.cpus', 1, ({ limits }) => limits.cpus),
  number('limits.memoryBytes', GiB, ({ limits }) => limits.memoryBytes),
  number('devices', 1, ({ devices }) => devices),
  word('host'),
  number('priority', 1, ({ priority }) => priority),
  number('runDeadlineMs', hourMs, ({ runDeadlineMs }) => runDeadlineMs),
  number('retries.max', 1, ({ retries }) => retries.max),
  {
    path: 'tags',
    read: (text) => readPairs(text, 'study=a'),
    write: ({ tags }) => writePairs(tags),
  },
];

export const writeJobForm = (spec: JobSpec): Sent =>
  Object.fromEntries(fields.map(({ path, write }) => [path, write(spec)]));

/**
 * The definition that a form stands for, or what is wrong with it, by field. `base` keeps what the form does not
 * show: secrets and volumes of the job that it was begun from.
 */
export function readJobForm(
  sent: Sent,
  base: JobSpec | null,
): { spec: JobSpec; body: Record<string, unknown> } | { mistakes: Sent } {
  const body = structuredClone(base ?? {}) as Record<string, unknown>;
  const mistakes: Record<string, string> = {};
  for (const { path, read } of fields) {
    const reading = read(sent[path] ?? '');
    if ('mistake' in reading) mistakes[path] = reading.mistake;
    else set(body, path, reading.value);
  }
  const parsed = jobSpecSchema.safeParse(body);
  for (const { path, message } of parsed.error?.issues ?? []) {
    const field = fieldOf(path.join('.'));
    mistakes[field] ??= message;
  }
  return parsed.success && Object.keys(mistakes).length === 0
    ? { spec: parsed.data, body }
    : { mistakes };
}

/** The control that a path of a definition is told beside; those of no control stand above the form. */
const fieldOf = (path: string): string =>
  fields.find((field) => path === field.path || path.startsWith(`${field.path}.`))?.path ?? '';

function set(body: Record<string, unknown>, path: string, value: unknown): void {
  const [first = '', second] = path.split('.');
  if (second === undefined) {
    if (value === undefined) delete body[first];
    else body[first] = value;
    return;
  }
  const inner = { ...(body[first] as Record<string, unknown> | undefined) };
  if (value === undefined) delete inner[second];
  else inner[second] = value;
  body[first] = inner;
}

function readConfig(text: string): Reading {
  if (text.trim() === '') return { value: undefined };
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? { value } : { mistake: 'must be a JSON object, such as {"seed": 1}' };
  } catch (error) {
    return { mistake: `is no JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
}
