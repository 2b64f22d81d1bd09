import type { Context } from 'hono';
import { LabError } from '../../../model/failures.ts';
import { appEntity } from '../../../model/names.ts';
import { qulabsFamily } from '../../../model/qulabs.ts';
import type { ForeignApp } from '../../../store/deployment-ports.ts';
import type { Operation } from '../../../store/ports.ts';
import { requireChange } from '../guard.ts';
import type { Naming, QulabsDependencies } from './index.ts';
import { mountOf } from './mount.ts';
import { Refusal } from '../refusal.ts';

const cause = { actor: 'QuLabs client', why: 'deleted' };

/** DELETE: afterwards it is gone, and that is what every caller asked for, also the second (D2). */
export async function deleteLab(
  context: Context,
  deps: QulabsDependencies,
  { noun }: Naming,
): Promise<Response> {
  const { store, settings } = deps;
  requireChange(context, mountOf(context, settings), settings.qulabs.token);
  const id = context.req.param('id') ?? '';
  const lab = await store.foreignIds.find(qulabsFamily, id);
  const operation = lab === null ? null : await remove(deps, lab);
  if (operation !== null) {
    const withinMs = settings.qulabs.deleteWithinMs;
    const ended = await deps.waiting.wait(
      async () => {
        const now = await store.operations.find(operation.id);
        return now?.state === 'accepted' ? null : (now ?? operation);
      },
      { left: context.req.raw.signal, withinMs },
    );
    if (ended === null) {
      throw new Refusal(500, `${noun} ${id} is not gone after ${withinMs} ms; its removal goes on`);
    }
    if (ended.state === 'failed') {
      throw new Refusal(
        500,
        `${noun} ${id} was not removed: ${ended.detail ?? 'no reason is known'}`,
      );
    }
  }
  return context.json({ message: `${noun} ${id} deleted successfully.` });
}

/** Ends what is under way first, so that nothing is left running (D4). Null when it is gone already. */
async function remove(deps: QulabsDependencies, lab: ForeignApp): Promise<Operation | null> {
  const { store, delivery, actions } = deps;
  const { name } = lab.app;
  const canceled = await store.deployments.cancel(name, cause);
  if (canceled !== null) delivery.soon(canceled);
  // What the family showed of it stays in the timeline, from which it can be registered again.
  await store.events.append(appEntity(name), {
    ...cause,
    what: 'deletion asked for',
    data: { lab_id: lab.externalId, ...lab.record },
  });
  try {
    return await actions.command({ name, verb: 'remove', cause });
  } catch (error) {
    if (error instanceof LabError && error.type === 'not_found') return null;
    throw error;
  }
}
