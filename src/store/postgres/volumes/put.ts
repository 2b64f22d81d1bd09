import { LabError } from '../../../model/failures.ts';
import { bytesInWords } from '../../../model/in-words.ts';
import { volumeEntity } from '../../../model/names.ts';
import type { Volume, VolumeStore } from '../../volume-ports.ts';
import type { Database, Query } from '../database.ts';
import { insertEvent } from '../events/append.ts';
import { findVolume } from './find.ts';
import { makeVolumes, type VolumeLimits } from './make.ts';
import { namesVolume } from './row.ts';
import { tellLevel } from './tell-level.ts';

type Input = Parameters<VolumeStore['put']>[0];

export async function putVolume(
  database: Database,
  input: Input,
  limits: VolumeLimits,
): Promise<Awaited<ReturnType<VolumeStore['put']>>> {
  const { name, actor, title } = input;
  return database.transaction(`change volume/${name}`, async (query) => {
    if (input.space !== undefined) await refuseUnknownSpace(query, name, input.space);
    const [made] = await makeVolumes(
      query,
      [
        {
          name,
          space: input.space ?? 'default',
          owner: actor,
          title,
          maxBytes: input.maxBytes,
          why: 'asked for',
        },
      ],
      limits,
    );
    const before = await existing(query, name);
    input.check?.(made?.isNew === true ? null : before);
    if (made?.isNew === true) return { outcome: 'created', volume: before };
    if (made?.isRemoved === true) {
      throw new LabError('conflict', `cannot change volume/${name}: it is being removed`);
    }
    const wish = {
      title,
      maxBytes: input.maxBytes ?? limits.volumeMaxBytes,
      space: input.space ?? before.space,
    };
    const changes = describeChanges(before, wish);
    if (changes === '') return { outcome: 'unchanged', volume: before };
    if (wish.space !== before.space) await refuseAppsElsewhere(query, name, wish.space);
    await query(
      'change',
      'UPDATE volumes SET title = $2, max_bytes = $3, space = $4 WHERE name = $1',
      [name, wish.title, wish.maxBytes, wish.space],
    );
    await insertEvent(query, volumeEntity(name), { actor, what: 'changed', why: changes });
    const volume = await existing(query, name);
    await tellLevel(query, before, volume, actor);
    return { outcome: 'changed', volume };
  });
}

function describeChanges(
  before: Volume,
  after: Pick<Volume, 'title' | 'maxBytes' | 'space'>,
): string {
  const parts = [
    before.maxBytes !== after.maxBytes &&
      `limit ${bytesInWords(before.maxBytes)} → ${bytesInWords(after.maxBytes)}`,
    before.title !== after.title && 'title',
    before.space !== after.space && `space ${before.space} → ${after.space}`,
  ];
  return parts.filter((part) => part !== false).join(', ');
}

async function existing(query: Query, name: string): Promise<Volume> {
  const volume = await findVolume(query, name);
  if (volume === null) throw new Error(`volume/${name} vanished under its lock`);
  return volume;
}

async function refuseUnknownSpace(query: Query, name: string, space: string): Promise<void> {
  const [found] = await query('find space', 'SELECT FROM spaces WHERE name = $1', [space]);
  if (found !== undefined) return;
  throw new LabError('invalid', `cannot change volume/${name}: there is no space named ${space}`, {
    details: { space },
  });
}

async function refuseAppsElsewhere(query: Query, name: string, space: string): Promise<void> {
  const rows = await query<{ name: string }>(
    'find apps of other spaces',
    `SELECT name FROM apps WHERE space <> $2 AND ${namesVolume('$1::text')}
     ORDER BY name LIMIT 5`,
    [name, space],
  );
  if (rows.length === 0) return;
  const apps = rows.map((row) => `app/${row.name}`).join(', ');
  throw new LabError(
    'conflict',
    `cannot move volume/${name} to the space ${space}: ${apps} of another space use it; only apps of its own space may`,
  );
}
