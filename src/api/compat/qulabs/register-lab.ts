import { randomUUID } from 'node:crypto';
import type { Context } from 'hono';
import type { Operation } from '../../../store/ports.ts';
import { storageGuard } from '../../storage-guard.ts';
import { requireChange } from '../guard.ts';
import type { Naming, QulabsDependencies } from './index.ts';
import { mountOf } from './mount.ts';
import { Refusal } from '../refusal.ts';
import { readRegistration } from './registration.ts';

/** Who registers, in timelines: old clients do not say. */
const actor = 'QuLabs client';

/**
 * POST register: one committed deployment, and the caller is held until its app is ready (R8). What
 * was accepted goes on when the caller leaves; the same again joins it (R10).
 */
export async function registerLab(
  context: Context,
  deps: QulabsDependencies,
  { noun }: Naming,
): Promise<Response> {
  const { store, settings } = deps;
  requireChange(context, mountOf(context, settings), settings.qulabs.token);
  const { id, names, initial, plan } = readRegistration(await bodyOf(context), settings.qulabs);
  await storageGuard(store.hosts)();
  const { deployment, operations } = await store.deployments.accept({
    foreign: { family: 'qulabs', externalId: id, names },
    initial,
    plan,
    space: 'default',
    owner: actor,
    cause: { actor, why: `registered ${plan.image}` },
    operationId: randomUUID(),
  });
  for (const operation of operations) deps.delivery.soon(operation);
  const ended = await deps.waiting.wait(
    async () => {
      const now = await store.deployments.find(deployment.operation.id);
      return now === null || now.operation.state === 'accepted' ? null : now;
    },
    { left: context.req.raw.signal },
  );
  if (ended === null) throw new Refusal(503, 'it goes on; ask again to join it');
  if (ended.operation.state === 'succeeded') {
    return context.json({ message: `${noun} ${id} registered and started successfully.` });
  }
  if (ended.failure !== null && noImage.has(ended.failure)) {
    throw new Refusal(400, 'Docker image not found');
  }
  throw new Refusal(500, `${noun} ${id} failed to start: ${reasonOf(ended.operation)}`);
}

/** To old clients an image that they may not have is one that is not there. */
const noImage: ReadonlySet<string> = new Set(['image_not_found', 'registry_refused']);

const reasonOf = ({ detail }: Operation): string => detail ?? 'for an unknown reason';

async function bodyOf(context: Context): Promise<unknown> {
  const text = await context.req.text();
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : 'JSON decode error';
    const found = {
      type: 'json_invalid',
      loc: ['body'],
      msg: `JSON decode error: ${why}`,
      input: {},
    };
    throw new Refusal(422, [found]);
  }
}
