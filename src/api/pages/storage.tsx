import type { HostJson } from '../../model/api.ts';
import { bytesInWords } from '../../model/in-words.ts';
import type { VolumeJson } from '../../model/volume-api.ts';
import type { ImageUse } from '../../store/ports.ts';
import type { VolumeTotal } from '../../store/volume-ports.ts';
import type { ApiSettings } from '../dependencies.ts';
import { Apps } from './app-links.tsx';
import { Size, VolumeStatus } from './volumes-page.tsx';
import { counted } from './short-words.ts';

export interface StorageFacts {
  hosts: readonly HostJson[];
  watermarks: ApiSettings['storageWatermarks'];
  /** The fullest volumes; there may be more. */
  volumes: readonly VolumeJson[];
  totals: readonly VolumeTotal[];
  images: readonly ImageUse[];
}

/** What fills the disks, and what to do when one is full. */
export function Storage(facts: StorageFacts) {
  const { hosts, watermarks, volumes, totals, images } = facts;
  const tight = hosts.filter(({ storage }) => storage.state !== 'ok');
  return (
    <section class="panel" aria-labelledby="storage-heading">
      <h2 id="storage-heading">Storage</h2>
      <p class="soft">
        Below {bytesInWords(watermarks.warnBytes)} of free space a host warns, below{' '}
        {bytesInWords(watermarks.refuseBytes)} it takes no new work; what runs goes on.
      </p>
      {tight.length > 0 && <MakeRoom hosts={tight} />}
      <h3>Volumes</h3>
      {totals.length === 0 ? (
        <p class="soft">There are none.</p>
      ) : (
        <>
          <p>{totals.map(totalInWords).join(' ')}</p>
          <VolumeTable volumes={volumes} />
        </>
      )}
      <h3>Images</h3>
      {images.length === 0 ? (
        <p class="soft">No app runs as a container.</p>
      ) : (
        <ImageTable images={images} />
      )}
    </section>
  );
}

function MakeRoom({ hosts }: { hosts: readonly HostJson[] }) {
  return (
    <div class="notice bad">
      <p>
        <strong>Room is short on {hosts.map(({ name }) => name).join(', ')}.</strong> What helps:
      </p>
      <ul>
        <li>
          Remove volumes that no app uses; those below without an app can go after a download.
        </li>
        <li>
          Remove images that no container uses, on the host: <code>docker image prune --all</code>.
          They are pulled again when an app needs them.
        </li>
        <li>
          Give the data folder a larger disk, or lower <code>LABKEEPER_STORAGE_REFUSE_BYTES</code>{' '}
          if the rest is enough.
        </li>
      </ul>
    </div>
  );
}

const totalInWords = ({ host, volumes, sizeBytes }: VolumeTotal): string =>
  host === null
    ? `${counted(volumes, 'volume')} never used.`
    : `${counted(volumes, 'volume')} on ${host}: ${bytesInWords(sizeBytes)}.`;

function VolumeTable({ volumes }: { volumes: readonly VolumeJson[] }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Volume</th>
          <th scope="col">State</th>
          <th scope="col">Size</th>
          <th scope="col">Apps</th>
          <th scope="col">What to do</th>
        </tr>
      </thead>
      <tbody>
        {volumes.map((volume) => (
          <tr id={`volume-${volume.name}`}>
            <td data-label="Volume">
              <a href={`/manage/volume/${volume.name}`}>{volume.name}</a>
            </td>
            <td data-label="State">
              <VolumeStatus volume={volume} />
            </td>
            <td data-label="Size">
              <Size volume={volume} />
            </td>
            <td data-label="Apps">
              {volume.apps.length === 0 ? 'none' : <Apps names={volume.apps} />}
            </td>
            <td data-label="What to do">{advice(volume)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function advice({ status, hindrance, explanation, apps }: VolumeJson): string {
  if (status === 'full' || status === 'nearly full') return 'Make room in it, or raise its limit.';
  if (hindrance !== null) return explanation;
  if (status === 'removing') return 'Nothing: its host deletes it.';
  if (apps.length === 0 && status === 'unused') return 'Empty, and no app uses it: remove it.';
  if (apps.length === 0) return 'No app uses it: download and remove it if nobody will.';
  return '–';
}

function ImageTable({ images }: { images: readonly ImageUse[] }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Image</th>
          <th scope="col">Apps</th>
        </tr>
      </thead>
      <tbody>
        {images.map(({ image, apps, count }) => (
          <tr>
            <td data-label="Image" class="mono">
              {image}
            </td>
            <td data-label="Apps">
              <span>
                <Apps names={apps} />
                {count > apps.length && ` and ${count - apps.length} more`}
              </span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
