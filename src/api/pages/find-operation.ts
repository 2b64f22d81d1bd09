import type { Context } from 'hono';
import { operationIdSchema } from '../../model/api.ts';
import type { Operation, Store } from '../../store/ports.ts';
import type { ApiEnv } from '../dependencies.ts';

/** The command that led to a page, which its address names. */
export async function findOperation(
  context: Context<ApiEnv>,
  { operations }: Pick<Store, 'operations'>,
): Promise<Operation | null> {
  const id = operationIdSchema.safeParse(context.req.query('operation'));
  return id.success ? operations.find(id.data) : null;
}
