import type { AppSpec } from '../../../model/app-spec.ts';
import type { EntityName } from '../../../model/names.ts';
import { LabError } from '../../../model/failures.ts';
import type { Query } from '../database.ts';
import { makeVolumes, type VolumeLimits } from './make.ts';

/**
 * Inside the transaction that registers an app or takes a job: the volumes it names are there afterwards, and
 * stay as long as it names them. Throws `conflict` for one that is being removed or belongs to another space.
 */
export async function makeVolumesOf(
  query: Query,
  user: { entity: EntityName; space: string; actor: string; spec: Pick<AppSpec, 'volumes'> },
  limits: VolumeLimits,
): Promise<void> {
  if (user.spec.volumes.length === 0) return;
  const volumes = await makeVolumes(
    query,
    user.spec.volumes.map(({ volume }) => ({
      name: volume,
      space: user.space,
      owner: user.actor,
      title: null,
      maxBytes: null,
      why: `${user.entity} names it`,
    })),
    limits,
  );
  for (const { name, space, isRemoved } of volumes) {
    const why =
      space === user.space
        ? isRemoved && 'is being removed; use another name, or try again when it is gone'
        : 'belongs to another space, and only its own space may use it; use another name';
    if (why === false) continue;
    throw new LabError('conflict', `cannot take ${user.entity}: volume/${name} ${why}`, {
      details: { volume: name },
    });
  }
}
