import { bytesInWords, durationInWords } from '../../model/in-words.ts';
import type { JobSpec } from '../../model/job-spec.ts';
import type { Identity } from '../auth/identify.ts';
import { FormSentence, Input, Select, Textarea } from './fields.tsx';
import type { FormShown } from './forms.ts';
import { shell } from './shell.tsx';
import { counted } from './short-words.ts';

interface JobFormShown {
  identity: Identity;
  form: FormShown;
  /** Spaces in which the person may submit. */
  spaces: readonly string[];
  /** Job that it was begun from. */
  from: string | null;
  /** Makes a double click one job. */
  key: string;
  /** What is typed, when nothing is wrong with it. */
  spec: JobSpec | null;
}

/** `/manage/jobs/new`: submit a job by form. Complete without script, which only checks earlier. */
export function jobFormPage({ identity, form, spaces, from, key, spec }: JobFormShown) {
  const title = from === null ? 'Submit a job' : 'Submit again, changed';
  return shell({
    title,
    section: 'jobs',
    identity,
    children: (
      <>
        <h1>{title}</h1>
        {from !== null && (
          <p class="soft">
            Begun from <a href={`/manage/job/${from}`}>job/{from}</a>, whose secrets, volumes and
            environment are kept.
          </p>
        )}
        <form method="post" action="/manage/jobs/new" data-check>
          <input type="hidden" name="key" value={key} />
          {from !== null && <input type="hidden" name="from" value={from} />}
          <FormSentence form={form} />
          <fieldset class="panel">
            <legend>What runs</legend>
            <div class="fields">
              <Input {...{ form, name: 'title', label: 'Title' }} maxlength={200} />
              <Select
                {...{ form, name: 'space', label: 'Space' }}
                options={spaces.map((value) => ({ value, label: value }))}
              />
              <Input
                {...{ form, name: 'image', label: 'Image' }}
                hint="Runs a container. Empty: the command runs as a process."
              />
              <Textarea
                {...{ form, name: 'command', label: 'Command' }}
                hint="In it, {config} becomes the file with the config, {output} the folder for what it leaves."
              />
              <Textarea
                {...{ form, name: 'config', label: 'Config' }}
                hint={'A JSON object, such as {"seed": 1}.'}
              />
            </div>
          </fieldset>
          <fieldset class="panel">
            <legend>Where and how long</legend>
            <div class="fields">
              <Input {...{ form, name: 'limits.cpus', label: 'Cores' }} inputmode="decimal" />
              <Input
                {...{ form, name: 'limits.memoryBytes', label: 'Memory in GiB' }}
                inputmode="decimal"
              />
              <Input {...{ form, name: 'devices', label: 'GPUs' }} inputmode="decimal" />
              <Input
                {...{ form, name: 'runDeadlineMs', label: 'Longest run in hours' }}
                inputmode="decimal"
              />
              <Input
                {...{ form, name: 'priority', label: 'Priority' }}
                hint="From -100 to 100; higher goes first, for a while."
                inputmode="decimal"
              />
              <Input
                {...{ form, name: 'retries.max', label: 'Further attempts' }}
                inputmode="decimal"
              />
              <Input {...{ form, name: 'host', label: 'Host' }} hint="Empty: any that has room." />
              <Textarea {...{ form, name: 'tags', label: 'Tags' }} hint="One key=value a line." />
            </div>
          </fieldset>
          <div id="plan" class="panel" role="status">
            {spec === null ? (
              <p class="soft">Something is still missing, or wrong: see the fields.</p>
            ) : (
              <p>{planOf(spec)}</p>
            )}
          </div>
          <p class="actions">
            <button class="primary">Submit</button>
            <a class="button" href="/manage/jobs">
              Back
            </a>
          </p>
        </form>
      </>
    ),
  });
}

/** What submitting would do, in one sentence. */
function planOf({ image, command, limits, devices, runDeadlineMs, space }: JobSpec): string {
  const what =
    image === undefined ? `the command ${command?.[0] ?? ''}` : `a container of ${image}`;
  const gpus = devices === 0 ? '' : `, ${counted(devices, 'GPU')}`;
  return `It will run ${what} in the space ${space}, as soon as a host has ${counted(limits.cpus, 'core')}, ${bytesInWords(limits.memoryBytes)} of memory${gpus} free, for at most ${durationInWords(runDeadlineMs)}.`;
}
