import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { z } from 'zod';
import { isLabError } from '../../model/failures.ts';
import type { ApiEnv } from '../dependencies.ts';
import { Problem, problemTable } from '../problem.ts';

/** The text fields that a form sent, by name. Files are none. */
export type Sent = Readonly<Record<string, string>>;

/** A form that was refused: what its page shows again, with 4xx. Never holds a secret. */
export interface RefusedForm {
  /** Which form of the page. */
  form: string;
  status: ContentfulStatusCode;
  /** What was typed, by field. */
  values: Sent;
  /** What is wrong, by field. */
  mistakes: Sent;
  /** What no field is to blame for. */
  sentence: string | null;
}

/** Reads a form. What is sent twice counts once; what is no text, not at all. */
export async function sentBy(context: Context<ApiEnv>): Promise<Sent> {
  const body = await context.req.parseBody();
  const texts = Object.entries(body).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return Object.fromEntries(texts);
}

/**
 * Does what a form asks for. A refusal (4xx) becomes the form to show again; everything else is thrown.
 * `blames` names the field that a sentence without one stands beside; `secret` fields are not given back.
 */
export async function attempt<Done>(
  form: { name: string; sent: Sent; blames?: string; secret?: readonly string[] },
  act: () => Promise<Done>,
): Promise<{ done: Done } | { refused: RefusedForm }> {
  try {
    return { done: await act() };
  } catch (error) {
    const isProblem = error instanceof Problem || isLabError(error);
    const status = isProblem ? problemTable[error.type].status : 500;
    if (!isProblem || status >= 500) throw error;
    const values = Object.entries(form.sent).filter(([field]) => !form.secret?.includes(field));
    return {
      refused: {
        form: form.name,
        status: status as ContentfulStatusCode,
        values: Object.fromEntries(values),
        ...whatIsWrong(error, form.blames),
      },
    };
  }
}

/** What a schema makes of one field. Throws `invalid` that names it. */
export function checkedField<Value>(name: string, schema: z.ZodType<Value>, value: unknown): Value {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const message = parsed.error.issues[0]?.message ?? 'is not what is asked for';
  throw new Problem('invalid', `${name}: ${message}`, { errors: [{ path: name, message }] });
}

function whatIsWrong(
  error: Problem | Error,
  blames: string | undefined,
): Pick<RefusedForm, 'mistakes' | 'sentence'> {
  const errors = errorsOf(error);
  if (errors.length > 0) {
    const mistakes: Record<string, string> = {};
    for (const { path, message } of errors) mistakes[path] ??= message;
    return { mistakes, sentence: mistakes[''] ?? null };
  }
  if (blames !== undefined) return { mistakes: { [blames]: error.message }, sentence: null };
  return { mistakes: {}, sentence: error.message };
}

function errorsOf(error: Error): NonNullable<Problem['errors']> {
  if (error instanceof Problem) return error.errors ?? [];
  const { errors } = (isLabError(error) ? error.details : {}) as { errors?: unknown };
  return Array.isArray(errors) ? (errors as NonNullable<Problem['errors']>) : [];
}

/** What one form of a page shows: what was refused of it, or what it offers at first. */
export interface FormShown {
  /** Begins the ids of its fields: a page may have several forms. */
  name: string;
  values: Sent;
  mistakes: Sent;
  sentence: string | null;
}

export function formShown(
  name: string,
  refused: RefusedForm | null,
  offered: Sent = {},
): FormShown {
  if (refused?.form !== name) return { name, values: offered, mistakes: {}, sentence: null };
  const { values, mistakes, sentence } = refused;
  return { name, values, mistakes, sentence };
}
