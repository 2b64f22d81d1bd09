import type { z } from 'zod';
import { appSpecSchema, type AppSpec, type AppSpecInput } from '../../model/app-spec.ts';
import { mistakesOf } from '../problem.ts';
import { allFields, fieldOf, type AppField } from './app-fields.ts';

/** Text of each control, by its name. */
export type FormValues = Readonly<Record<string, string>>;

/** `path` is the name of a control; empty for what belongs to none. */
export interface Mistake {
  path: string;
  message: string;
}

/** What a definition looks like in the form. */
export function writeAppForm(spec: AppSpecInput): FormValues {
  return Object.fromEntries(
    allFields.map((field) => [field.path, field.write(at(spec, field.path))]),
  );
}

/**
 * The definition that a form stands for. What the form does not have is taken from `base`; what is left
 * empty gets its default. All mistakes at once, those of the schema in the words of the form.
 */
export function readAppForm(
  values: FormValues,
  base: AppSpec | null,
): { spec: AppSpec } | { mistakes: Mistake[] } {
  const input: Record<string, unknown> = structuredClone(base ?? {});
  const mistakes: Mistake[] = [];
  for (const field of allFields) {
    const reading = field.read(values[field.path] ?? '');
    if ('mistake' in reading) mistakes.push({ path: field.path, message: reading.mistake });
    set(input, field.path, 'value' in reading ? reading.value : undefined);
  }
  const parsed = appSpecSchema.safeParse(input);
  if (parsed.success && mistakes.length === 0) return { spec: parsed.data };
  const unread = new Set(mistakes.map(({ path }) => path));
  const refused = parsed.success ? [] : parsed.error.issues.flatMap(inWordsOfTheForm);
  return { mistakes: [...mistakes, ...refused.filter(({ path }) => !unread.has(path))] };
}

/** The mistake beside its control, in the unit of the control. */
function inWordsOfTheForm(issue: z.core.$ZodIssue): Mistake[] {
  return mistakesOf([issue]).map(({ path, message }) => {
    const field = fieldOf(path);
    if (field === null) return { path: '', message: path === '' ? message : `${path}: ${message}` };
    const inner = path.slice(field.path.length + 1);
    const words = boundInWords(issue, field) ?? message;
    return { path: field.path, message: inner === '' ? words : `${entry(inner)}: ${words}` };
  });
}

/** `FOO` of variables, `entry 2` of a list. */
function entry(inner: string): string {
  const [first = '', ...rest] = inner.split('.');
  const place = /^\d+$/.test(first) ? `entry ${Number(first) + 1}` : first;
  return [place, ...rest].join(' ');
}

function boundInWords(issue: z.core.$ZodIssue, { unit }: AppField): string | null {
  if (issue.code !== 'too_small' && issue.code !== 'too_big') return null;
  const bound = Number(issue.code === 'too_small' ? issue.minimum : issue.maximum);
  const least = issue.code === 'too_small' ? 'at least' : 'at most';
  const shown = Number((bound / (unit?.size ?? 1)).toPrecision(6));
  switch (issue.origin) {
    case 'number':
    case 'int':
      return `must be ${least} ${shown}${unit === undefined ? '' : ` ${unit.words}`}`;
    case 'string':
      return `must have ${least} ${shown} characters`;
    case 'array':
      return `must have ${least} ${shown} entries`;
    default:
      return null;
  }
}

function at(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (inner, key) =>
        typeof inner === 'object' && inner !== null
          ? (inner as Record<string, unknown>)[key]
          : undefined,
      value,
    );
}

/** Undefined takes the field away, so that it gets its default. */
function set(target: Record<string, unknown>, path: string, value: unknown): void {
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  let inner = target;
  for (const key of keys) inner = (inner[key] ??= {}) as Record<string, unknown>;
  if (value === undefined) delete inner[last];
  else inner[last] = value;
}
