import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { operationIdSchema } from '../model/api.ts';
import { LabError } from '../model/failures.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import { exampleOperation } from './examples.ts';
import { json, problems, router } from './openapi.ts';
import { operationJson } from './present.ts';
import { components } from './components.ts';

/** `/api/v1/operations/{id}`: what came of a command. */
export function operations({ store }: Pick<ApiDependencies, 'store'>): OpenAPIHono<ApiEnv> {
  return router().openapi(showRoute, async (context) => {
    const { id } = context.req.valid('param');
    const operation = await store.operations.find(id);
    if (operation === null) throw new LabError('not_found', `there is no operation ${id}`);
    return context.json(operationJson(operation), 200);
  });
}

const showRoute = createRoute({
  method: 'get',
  path: '/api/v1/operations/{id}',
  tags: ['operations'],
  summary: 'Show an operation',
  description: 'A command that was accepted, and what came of it.',
  request: { params: z.object({ id: operationIdSchema.meta({ example: exampleOperation.id }) }) },
  responses: {
    200: json('The operation', components.operation, exampleOperation),
    ...problems('invalid', 'not_found', 'unavailable'),
  },
});
