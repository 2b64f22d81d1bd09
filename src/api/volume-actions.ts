import { LabError } from '../model/failures.ts';
import { may, type Caller } from '../model/roles.ts';
import { defaultSpace } from '../model/secret-sources.ts';
import type { VolumeBody } from '../model/volume-api.ts';
import type { Volume, VolumeStore } from '../store/volume-ports.ts';
import { requireMay } from './auth/authorize.ts';
import type { ApiDependencies } from './dependencies.ts';

/**
 * Makes a volume or changes the one that has the name; the API and the pages both do it here. Throws
 * `forbidden`, and what the store's `put` throws.
 */
export function putVolume(
  { store }: Pick<ApiDependencies, 'store'>,
  input: { name: string; wish: VolumeBody; caller: Caller; actor: string },
): ReturnType<VolumeStore['put']> {
  const { name, caller, actor } = input;
  const { title = null, maxBytes = null, space } = input.wish;
  return store.volumes.put({
    name,
    title,
    maxBytes,
    ...(space === undefined ? {} : { space }),
    actor,
    check: (existing) => requirePut(caller, { name, space, existing }),
  });
}

/** Who may make a volume, change the one that has the name, and move it to another space. */
function requirePut(
  caller: Caller,
  wish: { name: string; space: string | undefined; existing: Volume | null },
): void {
  const { name, existing } = wish;
  const space = wish.space ?? existing?.space ?? defaultSpace;
  if (existing !== null) {
    if (!may(caller, 'volume.see', existing)) {
      throw new LabError(
        'conflict',
        `cannot make volume/${name}: the name is taken; choose another`,
      );
    }
    requireMay(caller, 'volume.change', existing, `volume/${name}`);
  }
  if (existing?.space !== space) {
    requireMay(caller, 'volume.create', { space, owner: null }, `the space ${space}`);
  }
}
