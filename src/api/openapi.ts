import { OpenAPIHono, z } from '@hono/zod-openapi';
import { problemUrn, type ProblemJson } from '../model/api.ts';
import type { ApiEnv } from './dependencies.ts';
import { problemTable, refusal, type ProblemType } from './problem.ts';
import { components } from './components.ts';

/** A router whose refusals name every field that is wrong. */
export function router(): OpenAPIHono<ApiEnv> {
  return new OpenAPIHono<ApiEnv>({
    defaultHook: (result) => {
      if (!result.success) throw refusal(places[result.target] ?? 'request', result.error);
    },
  });
}

const places: Readonly<Record<string, string>> = {
  json: 'body',
  param: 'path',
  query: 'query',
  header: 'header',
};

/** A JSON answer with the example that the documentation shows and a test parses. */
export function json<Schema extends z.ZodType>(
  description: string,
  schema: Schema,
  example: z.input<Schema>,
) {
  return { description, content: { 'application/json': { schema, example } } };
}

/** The problems a route may answer with, beside those that every route has. */
export function problems(...types: readonly ProblemType[]) {
  const byStatus: Record<number, ReturnType<typeof problemResponse>> = {};
  for (const type of types) {
    const { status } = problemTable[type];
    byStatus[status] ??= problemResponse(type);
  }
  return byStatus;
}

function problemResponse(type: ProblemType) {
  const row = problemTable[type];
  const example: ProblemJson = {
    type: `${problemUrn}${type}`,
    title: row.title,
    status: row.status,
    detail: problemDetails[type] ?? row.title,
    instance: '/api/v1/apps/plot',
    requestId: '4be0643f-1d98-473b-97cd-ca98a65347dd',
    ...(type === 'invalid'
      ? { errors: [{ path: 'idle.idleAfterMs', message: 'Too small: expected number to be >=10' }] }
      : {}),
  };
  return {
    description: row.title,
    content: { 'application/problem+json': { schema: components.problem, example } },
  };
}

const problemDetails: Partial<Record<ProblemType, string>> = {
  invalid: 'the body has a mistake: idle.idleAfterMs: Too small: expected number to be >=10',
  not_found: 'there is no app plot',
  conflict: 'the key 7d3c was used for another command',
  storage_full: 'no new work: the disk of host local is full (210 MB free)',
  host_unreachable: 'cannot read from the agent of host local: connect ECONNREFUSED',
  quota_exceeded: '10000 apps are registered, and that is the limit (LABKEEPER_MAX_APPS)',
};

/** An answer that is not JSON. */
export function stream(description: string, mediaType: string, example: string) {
  const content: Record<string, { schema: z.ZodString; example: string }> = {
    [mediaType]: { schema: z.string().meta({ description }), example },
  };
  return { description, content };
}
