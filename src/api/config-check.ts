import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { Problem } from './problem.ts';

/** Mistakes that are told at once. */
const maxMistakes = 50;
/** Compiled schemas that are kept. */
const maxKept = 100;

/** Checks configs by the schemas of job types. */
export interface ConfigCheck {
  /** Throws `invalid` that names the mistake of the schema itself. */
  compile(schema: Record<string, unknown>): ValidateFunction;
  /** What is wrong with a config, each with its path below `config`; empty when nothing is. */
  mistakes(
    schema: Record<string, unknown>,
    config: Record<string, unknown>,
  ): { path: string; message: string }[];
}

export function configCheck(): ConfigCheck {
  const kept = new Map<string, ValidateFunction>();

  const compile: ConfigCheck['compile'] = (schema) => {
    const key = JSON.stringify(schema);
    const known = kept.get(key);
    if (known !== undefined) return known;
    // One for each schema, so that two with the same $id do not meet.
    const ajv = new Ajv({ allErrors: true, strict: false, validateFormats: false, logger: false });
    let made: ValidateFunction;
    try {
      made = ajv.compile(schema);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Problem('invalid', `configSchema is no JSON Schema that can be used: ${why}`, {
        errors: [{ path: 'configSchema', message: why }],
      });
    }
    kept.set(key, made);
    if (kept.size > maxKept) kept.delete(kept.keys().next().value ?? '');
    return made;
  };

  return {
    compile,
    mistakes(schema, config) {
      const validate = compile(schema);
      if (validate(config)) return [];
      return (validate.errors ?? []).slice(0, maxMistakes).map(toMistake);
    },
  };
}

/** Refuses a config with every mistake that its schema finds. */
export function refuseMistakes(mistakes: readonly { path: string; message: string }[]): void {
  if (mistakes.length === 0) return;
  const named = mistakes.map(({ path, message }) => `${path}: ${message}`).join('; ');
  const count = mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`;
  throw new Problem('invalid', `the config has ${count}: ${named}`, { errors: [...mistakes] });
}

/** `/batteries/0/size` → `config.batteries.0.size`. */
function toMistake({ instancePath, message, keyword, params }: ErrorObject) {
  const words = instancePath
    .split('/')
    .slice(1)
    .map((word) => word.replaceAll('~1', '/').replaceAll('~0', '~'));
  const extra: unknown = params['additionalProperty'] ?? params['missingProperty'];
  const path = ['config', ...words, ...(typeof extra === 'string' ? [extra] : [])].join('.');
  if (keyword === 'additionalProperties') return { path, message: 'is not a known field' };
  if (keyword === 'required') return { path, message: 'is missing' };
  if (keyword === 'enum') {
    const allowed: unknown = params['allowedValues'];
    return { path, message: `must be one of ${JSON.stringify(allowed)}` };
  }
  return { path, message: message ?? 'is not allowed' };
}
