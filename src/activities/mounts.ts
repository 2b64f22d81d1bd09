import { runtimeKindOf, type AppSpec } from '../model/app-spec.ts';
import { LabError } from '../model/failures.ts';
import { mountPath } from '../model/volume-mount.ts';
import type { Mount } from '../runtime/containers.ts';
import type { HostPorts } from './ports.ts';

/**
 * The folders of an app's volumes on this host, made at their first use. Throws `start_refused` for a
 * volume that is gone, lives elsewhere or whose folder is lost.
 */
export async function mountsOf(
  { store, volumes, host }: Pick<HostPorts, 'store' | 'volumes' | 'host'>,
  { name, spec }: { name: string; spec: Pick<AppSpec, 'volumes' | 'image'> },
): Promise<Mount[]> {
  if (spec.volumes.length === 0) return [];
  const rows = await store.volumes.findAll(spec.volumes.map(({ volume }) => volume));
  const forContainers = runtimeKindOf(spec) === 'docker';
  const mounts: Mount[] = [];
  for (const mount of spec.volumes) {
    const { volume, readOnly } = mount;
    const row = rows.find((one) => one.name === volume);
    if (row === undefined || row.host !== host) {
      const where = row === undefined ? 'is gone' : `lives on ${row.host ?? 'no host yet'}`;
      throw new LabError(
        'start_refused',
        `cannot start ${name} on ${host}: volume ${volume} ${where}`,
      );
    }
    const source = await volumes.ensure(volume, { isNew: row.measured === null, forContainers });
    mounts.push({ volume, source, path: mountPath(mount), readOnly });
  }
  return mounts;
}
