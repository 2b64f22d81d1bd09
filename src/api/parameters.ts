import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { operationIdSchema, whySchema, type OperationJson } from '../model/api.ts';
import { nameSchema } from '../model/name-schema.ts';
import { defaultSpace } from '../model/secret-sources.ts';
import type { ApiEnv } from './dependencies.ts';

/** `{name}` of an app in a path. */
export const namePath = z.object({ name: nameSchema.meta({ example: 'plot' }) });

/** Commands may carry their key, so that a repeat does nothing twice. */
export const commandHeaders = z.object({
  'idempotency-key': operationIdSchema
    .optional()
    .meta({ example: '0b6f6f5e-7f5c-4bb0-9a43-1f2f0f6a7d3c' }),
});

export const why = whySchema.optional().meta({ example: 'demo at ten' });

/** The space of what a path names, where names are per space. */
export const spaceQuery = nameSchema
  .default(defaultSpace)
  .meta({ description: 'Space it belongs to', example: 'default' });

/** What events are called; see the store's ports. */
export const eventId = z.string().regex(/^\d{1,19}(?:-\d{1,18})?$/, 'must be the id of an event');

/** Items of a page. */
export const pageLimit = (defaultLimit: number) =>
  z.coerce
    .number()
    .int()
    .min(1)
    .max(500)
    .default(defaultLimit)
    .meta({ description: 'Items of a page', example: 50 });

/** 202 with the address of the operation. */
export function accepted(context: Context<ApiEnv>, operation: OperationJson) {
  return context.json(operation, 202, { location: operation.links.self });
}

const MiB = 1024 * 1024;

/** Which bytes of a log are read. */
export const logRange = {
  tailBytes: z.coerce
    .number()
    .int()
    .min(0)
    .max(MiB)
    .optional()
    .meta({ description: 'The last so many bytes, from a line start', example: 65_536 }),
  fromByte: z.coerce
    .number()
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .meta({ description: 'Instead: from this byte since its beginning on' }),
  maxBytes: z.coerce
    .number()
    .int()
    .min(1)
    .max(MiB)
    .optional()
    .meta({ description: 'At most so many bytes in the answer', example: 1_048_576 }),
};
