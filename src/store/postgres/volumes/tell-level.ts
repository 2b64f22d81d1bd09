import { volumeEntity } from '../../../model/names.ts';
import { explainVolume, volumeLevel, type VolumeCondition } from '../../../model/volume.ts';
import type { Query } from '../database.ts';
import { insertEvent } from '../events/append.ts';

/** An event when what a volume holds, or may hold, took it over one of the marks or back. */
export async function tellLevel(
  query: Query,
  before: VolumeCondition,
  after: VolumeCondition & { name: string },
  actor: string,
): Promise<void> {
  const now = levelOf(after);
  if (levelOf(before) === now || after.measured === null) return;
  const { sizeBytes } = after.measured;
  await insertEvent(query, volumeEntity(after.name), {
    actor,
    what: now === 'ok' ? 'has room again' : now,
    why: explainVolume(after.name, after),
    data: { sizeBytes, maxBytes: after.maxBytes },
  });
}

/** Nothing measured yet counts as room. */
const levelOf = ({ measured, maxBytes }: VolumeCondition) =>
  measured === null ? 'ok' : volumeLevel(measured.sizeBytes, maxBytes);
