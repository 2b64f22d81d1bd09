/** The part of JSON Schema that our OpenAPI document uses. */
export interface JsonSchema {
  [keyword: string]: unknown;
  type?: string | string[];
  description?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  items?: JsonSchema;
  enum?: unknown[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
  pattern?: string;
}

/** The schemas that others refer to, by `#/components/schemas/<name>`. */
export type Components = Readonly<Record<string, JsonSchema>>;

/** The schema itself, or the one it refers to. */
export function resolve(schema: JsonSchema, components: Components): JsonSchema {
  const { $ref } = schema;
  if (typeof $ref !== 'string') return schema;
  const found = components[$ref.replace('#/components/schemas/', '')];
  if (found === undefined) throw new Error(`there is no ${$ref}`);
  return found;
}

/** Checks values by a schema: what is wrong with one, empty when nothing is. */
export function jsonChecker(components: Components) {
  return (value: unknown, schema: JsonSchema): string[] => checkJson(value, schema, '$');

  function checkJson(value: unknown, given: JsonSchema, at: string): string[] {
    const schema = resolve(given, components);
    const choices = schema.anyOf ?? schema.oneOf;
    if (choices !== undefined) {
      const tried = choices.map((choice) => checkJson(value, choice, at));
      return tried.find((mistakes) => mistakes.length === 0) ?? tried[0] ?? [];
    }
    const all = (schema.allOf ?? []).flatMap((part) => checkJson(value, part, at));
    return [...all, ...checkOne(value, schema, at)];
  }

  function checkOne(value: unknown, schema: JsonSchema, at: string): string[] {
    const types = schema.type === undefined ? [] : [schema.type].flat();
    if (types.length > 0 && !types.some((type) => isOf(type, value))) {
      return [`${at} is no ${types.join(' or ')}: ${JSON.stringify(value)}`];
    }
    if (schema.enum !== undefined && !schema.enum.includes(value)) {
      return [`${at} is none of ${schema.enum.join(', ')}: ${JSON.stringify(value)}`];
    }
    if (typeof value === 'string') {
      const { pattern } = schema;
      if (pattern !== undefined && !new RegExp(pattern, 'u').test(value)) {
        return [`${at} does not match ${pattern}: ${value}`];
      }
      return [];
    }
    if (Array.isArray(value)) {
      const { items } = schema;
      return items === undefined
        ? []
        : value.flatMap((item, index) => checkJson(item, items, `${at}[${index}]`));
    }
    return typeof value === 'object' && value !== null ? checkFields(value, schema, at) : [];
  }

  function checkFields(value: object, schema: JsonSchema, at: string): string[] {
    const missing = (schema.required ?? []).filter((name) => !(name in value));
    const mistakes = missing.map((name) => `${at}.${name} is missing`);
    for (const [name, field] of Object.entries(value)) {
      const own = schema.properties?.[name];
      const { additionalProperties } = schema;
      if (own !== undefined) mistakes.push(...checkJson(field, own, `${at}.${name}`));
      else if (typeof additionalProperties === 'object') {
        mistakes.push(...checkJson(field, additionalProperties, `${at}.${name}`));
      } else if (additionalProperties === false || schema.properties !== undefined) {
        mistakes.push(`${at}.${name} is not described`);
      }
    }
    return mistakes;
  }
}

function isOf(type: string, value: unknown): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}
