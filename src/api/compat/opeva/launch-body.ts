import { isRecord } from '../../../model/is-record.ts';
import type { Context } from 'hono';
import type { OpevaDialect } from '../../../model/opeva.ts';
import { Refusal } from '../refusal.ts';

/** A launch as it was asked for; what is null or empty was not asked for. */
export interface LaunchBody {
  /** The body as it came: what a repeat is compared with. */
  asked: Record<string, unknown>;
  config: Record<string, unknown> | null;
  configPath: string | null;
  configFile: string | null;
  saveAs: string | null;
  targetHost: string | null;
  jobName: string | null;
  submittedBy: string | null;
  imageTag: string | null;
  image: string | null;
  params: { PARAM1?: string; PARAM2?: string };
  /** Only the second generation knows them. */
  deucalionOptions: Record<string, unknown> | null;
}

interface Mistake {
  type: string;
  loc: (string | number)[];
  msg: string;
  input: unknown;
  ctx?: Record<string, unknown>;
}

/** The body as JSON. Throws what old clients know for a broken or missing one. */
export async function readJsonBody(context: Context): Promise<unknown> {
  const text = await context.req.text();
  if (text === '') {
    throw mistaken([{ type: 'missing', loc: ['body'], msg: 'Field required', input: null }]);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : 'it is no JSON';
    const offset = Number(/position (\d+)/.exec(why)?.[1] ?? text.length);
    throw mistaken([
      {
        type: 'json_invalid',
        loc: ['body', offset],
        msg: 'JSON decode error',
        input: {},
        ctx: { error: why },
      },
    ]);
  }
}

const texts = [
  'config_path',
  'config_file',
  'save_as',
  'target_host',
  'job_name',
  'submitted_by',
  'image_tag',
  'image',
  'param1',
  'param2',
] as const;
type TextField = (typeof texts)[number];
const known = new Set<string>([...texts, 'config', 'deucalion_options']);

/** Reads a launch, or throws 422 with every mistake. The first generation ignores keys that it does not know. */
export function readLaunchBody(body: unknown, dialect: OpevaDialect): LaunchBody {
  if (!isRecord(body)) {
    const msg = 'Input should be a valid dictionary or object to extract fields from';
    throw mistaken([{ type: 'model_attributes_type', loc: ['body'], msg, input: body }]);
  }
  const mistakes: Mistake[] = [];
  const mappingOf = (field: 'config' | 'deucalion_options') => {
    const value = body[field] ?? null;
    if (value === null || isRecord(value)) return value;
    const msg = 'Input should be a valid dictionary';
    mistakes.push({ type: 'dict_type', loc: ['body', field], msg, input: value });
    return null;
  };
  const textOf = (field: TextField): string | null => {
    const value = body[field] ?? null;
    if (value === null || value === '') return null;
    if (typeof value === 'string') return wellFormed(value);
    const msg = 'Input should be a valid string';
    mistakes.push({ type: 'string_type', loc: ['body', field], msg, input: value });
    return null;
  };
  const config = mappingOf('config');
  const given = Object.fromEntries(texts.map((field) => [field, textOf(field)])) as Record<
    TextField,
    string | null
  >;
  const deucalionOptions = dialect === 'workers' ? mappingOf('deucalion_options') : null;
  if (dialect === 'workers') {
    for (const key of Object.keys(body).filter((one) => !known.has(one))) {
      const msg = 'Extra inputs are not permitted';
      mistakes.push({ type: 'extra_forbidden', loc: ['body', key], msg, input: body[key] });
    }
  }
  if (mistakes.length > 0) throw mistaken(mistakes);
  return {
    asked: body,
    config: config !== null && Object.keys(config).length > 0 ? config : null,
    configPath: given.config_path,
    configFile: given.config_file,
    saveAs: given.save_as,
    targetHost: given.target_host,
    jobName: given.job_name,
    submittedBy: given.submitted_by,
    imageTag: given.image_tag,
    image: given.image,
    params: {
      ...(given.param1 === null ? {} : { PARAM1: given.param1 }),
      ...(given.param2 === null ? {} : { PARAM2: given.param2 }),
    },
    deucalionOptions,
  };
}

/** A number of the query within its bounds, or 422 as old clients know it. */
export function queryNumber(
  context: Context,
  name: string,
  bounds: { least: number; most: number; otherwise: number | undefined },
): number | undefined {
  const input = context.req.query(name);
  if (input === undefined) return bounds.otherwise;
  const loc = ['query', name];
  if (!/^[+-]?\d+$/.test(input)) {
    const msg = 'Input should be a valid integer, unable to parse string as an integer';
    throw mistaken([{ type: 'int_parsing', loc, msg, input }]);
  }
  const value = Number(input);
  const { least, most } = bounds;
  if (value < least) {
    const msg = `Input should be greater than or equal to ${least}`;
    throw mistaken([{ type: 'greater_than_equal', loc, msg, input, ctx: { ge: least } }]);
  }
  if (value > most) {
    const msg = `Input should be less than or equal to ${most}`;
    throw mistaken([{ type: 'less_than_equal', loc, msg, input, ctx: { le: most } }]);
  }
  return value;
}

const mistaken = (mistakes: Mistake[]): Refusal => new Refusal(422, mistakes);

/** What neither an environment nor a database takes is no part of a text. */
export const wellFormed = (text: string): string =>
  text.replaceAll('\0', '').replaceAll(/\p{Surrogate}/gu, '\u{fffd}');
