import { bytesInWords } from '../../model/in-words.ts';
import type { VolumeJson } from '../../model/volume-api.ts';
import type { Identity } from '../auth/identify.ts';
import { Apps } from './app-links.tsx';
import { DoneNotice, type DoneWords } from './done-notice.tsx';
import { FormSentence, Input, Select } from './fields.tsx';
import type { FormShown } from './forms.ts';
import { shell } from './shell.tsx';
import { Status } from './status.tsx';

interface VolumesShown {
  identity: Identity;
  volumes: readonly VolumeJson[];
  /** Name to go on after; null at the end. */
  next: string | null;
  /** Spaces in which the person may make volumes. */
  spaces: readonly string[];
  form: FormShown;
  done: string;
}

const doneWords: DoneWords = { removed: 'The volume is gone.' };

/** `/manage/volumes`: what outlives apps, how full it is, who uses it. */
export function volumesPage({ identity, volumes, next, spaces, form, done }: VolumesShown) {
  return shell({
    title: 'Volumes',
    section: 'volumes',
    identity,
    children: (
      <>
        <h1>Volumes</h1>
        <p class="soft">
          Named folders that outlive apps. An app that names one makes it; it goes only on purpose.
        </p>
        <DoneNotice done={done} words={doneWords} />
        <section class="panel" aria-label="Volumes">
          {volumes.length === 0 ? <p class="soft">None yet.</p> : <VolumeTable volumes={volumes} />}
          {next !== null && (
            <nav class="actions pages" aria-label="Pages of volumes">
              <a class="button" href={`/manage/volumes?after=${next}`} rel="next">
                More volumes
              </a>
            </nav>
          )}
        </section>
        {spaces.length > 0 && <NewVolume spaces={spaces} form={form} />}
      </>
    ),
  });
}

function VolumeTable({ volumes }: { volumes: readonly VolumeJson[] }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">State</th>
          <th scope="col">Size</th>
          <th scope="col">Space</th>
          <th scope="col">Owner</th>
          <th scope="col">Used by</th>
        </tr>
      </thead>
      <tbody>
        {volumes.map((volume) => (
          <tr>
            <td data-label="Name">
              <div>
                <a href={`/manage/volume/${volume.name}`}>{volume.name}</a>
                {volume.title !== volume.name && <div class="soft small">{volume.title}</div>}
              </div>
            </td>
            <td data-label="State">
              <VolumeStatus volume={volume} />
            </td>
            <td data-label="Size">
              <Size volume={volume} />
            </td>
            <td data-label="Space">{volume.space}</td>
            <td data-label="Owner">{volume.owner}</td>
            <td data-label="Used by">
              <span>{volume.apps.length === 0 ? 'no app' : <Apps names={volume.apps} />}</span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const statusWords: Readonly<Record<VolumeJson['status'], string>> = {
  unused: 'Never used',
  ok: 'Has room',
  'nearly full': 'Nearly full',
  full: 'Full',
  removing: 'Being removed',
};

const lamps: Readonly<Record<VolumeJson['status'], string>> = {
  unused: 'unknown',
  ok: 'ok',
  'nearly full': 'low',
  full: 'full',
  removing: 'removing',
};

/** How a volume is, in words and with the lamp that means as much elsewhere. */
export function VolumeStatus({ volume: { status } }: { volume: VolumeJson }) {
  return <Status status={lamps[status]} words={statusWords[status]} />;
}

/** How much it holds of what it may. */
export function Size({ volume }: { volume: VolumeJson }) {
  const { measured, maxBytes } = volume;
  if (measured === null) return <span>not measured, of {bytesInWords(maxBytes)}</span>;
  const share = Math.min(measured.sizeBytes / maxBytes, 1);
  return (
    <span>
      <meter
        aria-label={`Use of ${volume.name}`}
        min={0}
        max={1}
        high={0.9}
        value={share.toFixed(3)}
      />{' '}
      {measured.whole ? '' : 'at least '}
      {bytesInWords(measured.sizeBytes)} of {bytesInWords(maxBytes)}
    </span>
  );
}

function NewVolume({ spaces, form }: { spaces: readonly string[]; form: FormShown }) {
  return (
    <section class="panel" aria-labelledby="new-heading">
      <h2 id="new-heading">New volume</h2>
      <form class="form" method="post" action="/manage/volumes">
        <div class="row">
          <Input
            form={form}
            name="name"
            label="Name"
            hint="Lower-case letters, digits and hyphens."
            placeholder="measurements"
            required
            maxlength={63}
          />
          <Select
            form={form}
            name="space"
            label="Space"
            options={spaces.map((space) => ({ value: space, label: space }))}
          />
        </div>
        <TitleAndLimit form={form} />
        <FormSentence form={form} />
        <p class="actions">
          <button class="primary">Make the volume</button>
        </p>
      </form>
    </section>
  );
}

/** What can be changed of a volume. */
export function TitleAndLimit({ form }: { form: FormShown }) {
  return (
    <div class="row">
      <Input
        form={form}
        name="title"
        label="Shown as"
        hint="Left empty: the name."
        maxlength={120}
      />
      <Input
        form={form}
        name="maxBytes"
        label="Limit in GiB"
        hint="Left empty: the default."
        placeholder="10"
        maxlength={14}
      />
    </div>
  );
}
