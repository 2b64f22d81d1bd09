import type { VolumeJson } from '../../model/volume-api.ts';
import type { Identity } from '../auth/identify.ts';
import { Apps } from './app-links.tsx';
import { DoneNotice, type DoneWords } from './done-notice.tsx';
import { FormSentence, Input } from './fields.tsx';
import type { FormShown } from './forms.ts';
import { shell } from './shell.tsx';
import { Ago } from './time.tsx';
import { Timeline, type TimelinePage } from './timeline.tsx';
import { Size, TitleAndLimit, VolumeStatus } from './volumes-page.tsx';

interface VolumeShown {
  identity: Identity;
  volume: VolumeJson;
  timeline: TimelinePage;
  mayRead: boolean;
  mayChange: boolean;
  change: FormShown;
  removal: FormShown;
  done: string;
}

const doneWords: DoneWords = {
  created: 'The volume is made. Apps of its space can name it.',
  changed: 'Saved.',
  removing: 'It is being removed: its host removes everything in it.',
};

/** `/manage/volume/{name}`: what it holds, taking it along, removing it on purpose. */
export function volumePage(shown: VolumeShown) {
  const { identity, volume, timeline, mayChange, change, done } = shown;
  const { name, title, explanation, status } = volume;
  const path = `/manage/volume/${name}`;
  return shell({
    title,
    section: 'volumes',
    identity,
    children: (
      <>
        <div class="lead">
          <h1>{title}</h1>
          <VolumeStatus volume={volume} />
        </div>
        <p>{explanation}</p>
        <DoneNotice done={done} words={doneWords} />
        <Facts shown={shown} />
        {mayChange && status !== 'removing' && (
          <section class="panel" aria-labelledby="change-heading">
            <h2 id="change-heading">Volume</h2>
            <form class="form" method="post" action={path}>
              <TitleAndLimit form={change} />
              <FormSentence form={change} />
              <p class="actions">
                <button class="primary">Save</button>
              </p>
            </form>
            <Removal shown={shown} path={path} />
          </section>
        )}
        <section class="panel" aria-labelledby="timeline-heading">
          <h2 id="timeline-heading">Timeline</h2>
          <Timeline page={timeline} path={path} showsEntity={false} />
        </section>
      </>
    ),
  });
}

function Facts({ shown: { volume, mayRead } }: { shown: VolumeShown }) {
  const { name, space, owner, host, apps, limitMeaning, measured, createdAt, links } = volume;
  return (
    <section class="panel" aria-labelledby="facts-heading">
      <h2 id="facts-heading">Now</h2>
      <dl>
        <dt>Size</dt>
        <dd>
          <Size volume={volume} />
        </dd>
        <dt>Limit</dt>
        <dd>{limitMeaning}</dd>
        <dt>Used by</dt>
        <dd>{apps.length === 0 ? 'no app' : <Apps names={apps} />}</dd>
        <dt>Host</dt>
        <dd>{host ?? 'settled when the first app that uses it starts'}</dd>
        <dt>Space</dt>
        <dd>{space}</dd>
        <dt>Owner</dt>
        <dd>
          {owner}, made <Ago at={createdAt} />
        </dd>
      </dl>
      {mayRead && measured !== null && (
        <div class="actions">
          <a class="button" href={`${links.archive}?format=tar.gz`} download={`${name}.tar.gz`}>
            Download everything in it
          </a>
        </div>
      )}
    </section>
  );
}

function Removal({ shown, path }: { shown: VolumeShown; path: string }) {
  const { volume, removal } = shown;
  const { name, apps } = volume;
  if (apps.length > 0) {
    return (
      <p class="soft">
        It can be removed when no app names it any more: now <Apps names={apps} />.
      </p>
    );
  }
  const isRefused = removal.sentence !== null || Object.keys(removal.mistakes).length > 0;
  return (
    <div class="actions">
      <details class="confirm" open={isRefused}>
        <summary class="button danger">Remove …</summary>
        <div>
          <p>
            This removes the volume <strong>{name}</strong> and everything in it, for good.
          </p>
          <form class="form" method="post" action={`${path}/remove`}>
            <Input
              form={removal}
              name="confirm"
              label={`Write ${name} to remove it`}
              required
              maxlength={63}
            />
            <FormSentence form={removal} />
            <p class="actions">
              <button class="danger">Remove {name} and everything in it</button>
            </p>
          </form>
        </div>
      </details>
    </div>
  );
}
