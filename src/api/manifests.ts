import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import { manifestAnswerSchema, manifestBodySchema } from '../model/manifest-api.ts';
import type { AppActions } from './app-actions.ts';
import { registeredJson } from './apps.ts';
import { components } from './components.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import { exampleAccepted, exampleApp, exampleImageSpec } from './examples.ts';
import { json, problems, router } from './openapi.ts';

/** `/api/v1/manifests`: many apps as one, for `labkeeper apply`. */
export function manifests(
  { settings }: Pick<ApiDependencies, 'settings'>,
  actions: AppActions,
): OpenAPIHono<ApiEnv> {
  return router().openapi(applyRoute, async (context) => {
    const { apps, expected } = context.req.valid('json');
    const wishes = apps.map(({ name, ...spec }) => ({
      ...{ name, spec },
      expectedRevision: expected[name],
    }));
    const all = await actions.registerAll(wishes, context.get('identity').caller);
    return context.json({ items: all.map((one) => registeredJson(one, settings)) }, 200);
  });
}

const applyRoute = createRoute({
  method: 'post',
  path: '/api/v1/manifests',
  tags: ['apps'],
  summary: 'Apply a manifest',
  description:
    'Registers or replaces all apps of it in one transaction: when one is refused, nothing changes. Of two manifests at once, the one that comes second is applied after the first, or refused where it says what it was made from. Apps that it does not name stay as they are.',
  request: {
    body: {
      required: true,
      description: 'Definitions with their names',
      content: {
        'application/json': {
          schema: manifestBodySchema.meta({ id: 'Manifest' }),
          example: { apps: [{ name: 'report', ...exampleImageSpec }] },
        },
      },
    },
  },
  responses: {
    200: json(
      'Applied',
      manifestAnswerSchema
        .extend({
          items: z.array(components.registeredApp).describe('In the order of the manifest'),
        })
        .meta({ id: 'AppliedManifest' }),
      { items: [{ ...exampleApp, outcome: 'created', operation: exampleAccepted }] },
    ),
    ...problems(
      ...(['invalid', 'conflict', 'body_too_large', 'unsupported_media_type'] as const),
      ...(['quota_exceeded', 'storage_full', 'unavailable'] as const),
    ),
  },
});
