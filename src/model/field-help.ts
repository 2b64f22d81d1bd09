import { z } from 'zod';
import { appSpecSchema } from './app-spec.ts';
import { fieldExamples } from './field-examples.ts';
import { durationInWords, bytesInWords } from './in-words.ts';
import { newTokenSchema, personChangeSchema, spaceChangeSchema } from './person.ts';
import { volumeBodySchema } from './volume-api.ts';

/** What there is to say of one field of a definition, read from its schema. */
export interface FieldHelp {
  /** Such as `app.idle.idleAfterMs`. */
  field: string;
  /** Such as `integer` or `list of string`. */
  type: string;
  description: string;
  required: boolean;
  /** Absent when it has none. */
  default?: unknown;
  /** One clause a limit. */
  limits: string[];
  /** What it may be, where that is a choice. */
  values: string[];
  /** A value that fits; absent for what is only a group of fields. */
  example?: unknown;
  /** Fields inside it. */
  fields: Omit<FieldHelp, 'fields'>[];
}

const resources = {
  app: {
    schema: appSpecSchema,
    description: 'An app, as `labkeeper apply` and PUT /api/v1/apps/NAME take it',
  },
  space: { schema: spaceChangeSchema, description: 'A space, as PUT /api/v1/spaces/NAME takes it' },
  person: {
    schema: personChangeSchema,
    description: 'A person, as PUT /api/v1/people/NAME takes it',
  },
  volume: {
    schema: volumeBodySchema,
    description: 'A volume, as PUT /api/v1/volumes/NAME takes it',
  },
  token: { schema: newTokenSchema, description: 'A token, as POST /api/v1/tokens takes it' },
} as const;
type Resource = keyof typeof resources;

export const resourceNames = Object.keys(resources) as Resource[];

/** What a path such as `app.idle.idleAfterMs` means; null when there is no such field. */
export function fieldHelp(path: string): FieldHelp | null {
  const [resource = '', ...rest] = path.split('.');
  const node = rootOf(resource);
  if (node === null) return null;
  let found: Node = node;
  let required = true;
  for (const key of rest) {
    const parent = objectOf(found);
    const next = Object.hasOwn(parent.properties ?? {}, key) ? parent.properties?.[key] : undefined;
    if (next === undefined) return null;
    required = isRequired(parent, key, next);
    found = next;
  }
  const fields = Object.entries(objectOf(found).properties ?? {}).map(([key, child]) =>
    help(`${path}.${key}`, child, isRequired(objectOf(found), key, child)),
  );
  return { ...help(path, found, required), fields };
}

/** Paths that begin as far as `typed` names whole fields: for completion. */
export function resourceFields(typed: string): string[] {
  if (!typed.includes('.')) return resourceNames.map((name) => `${name}.`);
  const above = typed.slice(0, typed.lastIndexOf('.'));
  return fieldHelp(above)?.fields.map(({ field }) => field) ?? [];
}

/** The part of JSON Schema that zod writes for our definitions. */
interface Node {
  type?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, Node>;
  required?: string[];
  items?: Node;
  additionalProperties?: Node | boolean;
  anyOf?: Node[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
}

const roots = new Map<string, Node>();

function rootOf(resource: string): Node | null {
  if (!resourceNames.some((name) => name === resource)) return null;
  const { schema, description } = resources[resource as Resource];
  let root = roots.get(resource);
  if (root === undefined) {
    root = {
      ...(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Node),
      description,
    };
    roots.set(resource, root);
  }
  return root;
}

/** The object inside a nullable or a list. */
function objectOf(node: Node): Node {
  if (node.properties !== undefined) return node;
  const inner = node.items ?? node.anyOf?.find((one) => one.properties ?? one.items);
  return inner === undefined ? node : objectOf(inner);
}

function isRequired(parent: Node, key: string, node: Node): boolean {
  return (parent.required ?? []).includes(key) && node.default === undefined;
}

function help(field: string, node: Node, required: boolean): Omit<FieldHelp, 'fields'> {
  const description =
    node.description ?? node.anyOf?.find((one) => one.description)?.description ?? '';
  const example = fieldExamples[field];
  return {
    field,
    type: typeOf(node),
    description,
    required,
    ...(node.default === undefined || isGroup(node) ? {} : { default: node.default }),
    limits: limitsOf(node, field),
    values: valuesOf(node),
    ...(example === undefined ? {} : { example }),
  };
}

const isGroup = (node: Node): boolean => node.properties !== undefined;

function typeOf(node: Node): string {
  if (node.enum !== undefined) return 'one of several words';
  if (node.anyOf !== undefined) return node.anyOf.map(typeOf).join(' or ');
  if (node.type === 'array') return `list of ${typeOf(node.items ?? {})}`;
  if (node.type === 'object') {
    if (node.properties !== undefined) return 'fields';
    const { additionalProperties: value } = node;
    return typeof value === 'object' ? `map of name to ${typeOf(value)}` : 'map';
  }
  return node.type ?? 'anything';
}

function valuesOf(node: Node): string[] {
  if (node.enum !== undefined) return node.enum.map(String);
  return (node.anyOf ?? []).flatMap(valuesOf);
}

function limitsOf(node: Node, field: string): string[] {
  const { minimum, maximum, minLength, maxLength, minItems, maxItems, pattern } = node;
  const inner = [...(node.anyOf ?? [])].flatMap((one) => limitsOf(one, field));
  return [
    ...range(minimum, maximum, (value) => `${value}${inUnits(field, value)}`, ''),
    ...range(minLength, maxLength, String, ' characters'),
    ...range(minItems, maxItems, String, ' items'),
    ...(pattern === undefined ? [] : [`matches ${pattern}`]),
    ...inner,
  ];
}

function range(
  least: number | undefined,
  most: number | undefined,
  words: (value: number) => string,
  unit: string,
): string[] {
  const isBounded = most !== undefined && most < Number.MAX_SAFE_INTEGER;
  if (least !== undefined && least > Number.MIN_SAFE_INTEGER) {
    return [
      isBounded ? `${words(least)} to ${words(most)}${unit}` : `at least ${words(least)}${unit}`,
    ];
  }
  return isBounded ? [`at most ${words(most)}${unit}`] : [];
}

/** ` (30 min)` for milliseconds, ` (1.0 GiB)` for bytes, by the name of the field. */
export function inUnits(field: string, value: unknown): string {
  if (typeof value !== 'number') return '';
  if (field.endsWith('Ms') && value >= 1000) return ` (${durationInWords(value)})`;
  if (field.endsWith('Bytes') && value >= 1024) return ` (${bytesInWords(value)})`;
  return '';
}
