import type { Child } from 'hono/jsx';
import type { AppPlanJson } from '../../model/api.ts';
import { appStarts, type AppStart } from '../../model/app-starts.ts';
import type { Identity } from '../auth/identify.ts';
import { fieldGroups, type FieldGroup } from './app-fields.ts';
import type { FormValues, Mistake } from './app-form.ts';
import { AppPlan } from './app-plan.tsx';
import { AppFieldControl } from './app-field.tsx';
import { Input, Select } from './fields.tsx';
import type { FormShown } from './forms.ts';
import { appForm, MistakeLinks } from './mistake-links.tsx';
import { shell } from './shell.tsx';

export interface AppFormFacts {
  identity: Identity;
  /** Name of the app that is changed; null for a new one. */
  name: string | null;
  /** What the form was begun from; null without that. */
  start: AppStart | null;
  values: FormValues;
  /** Spaces it may be put into. */
  spaces: readonly string[];
  /** Secrets and volumes that can be named, by control. */
  known: Readonly<Record<string, readonly string[]>>;
  mistakes: readonly Mistake[];
  /** Why it was not done, beside the mistakes; null when nothing was in the way. */
  trouble: string | null;
  /** What would change; null while there are mistakes. */
  plan: AppPlanJson | null;
  /** Names the plan that was shown. */
  reviewed: string;
  /** True for an answer to Save, which says what is in its way. */
  isRefused: boolean;
}

/** The form that registers and changes apps. Complete without script, which only checks earlier. */
export function appFormPage(facts: AppFormFacts) {
  const { identity, name, start, mistakes, trouble, isRefused } = facts;
  return shell({
    title: name === null ? 'Register an app' : `Change ${name}`,
    section: 'manage',
    identity,
    children: (
      <>
        <h1>{name === null ? 'Register an app' : `Change ${name}`}</h1>
        {name === null && <Starts start={start} />}
        {isRefused && <Refusal mistakes={mistakes} trouble={trouble} />}
        <AppForm {...facts} />
      </>
    ),
  });
}

function Starts({ start }: { start: AppStart | null }) {
  return (
    <nav aria-label="Begin with">
      <ul class="chips">
        {appStarts.map(({ id, label }) => (
          <li>
            <a
              href={`/manage/apps/new?start=${id}`}
              aria-current={id === start?.id ? 'true' : undefined}
            >
              {label}
            </a>
          </li>
        ))}
      </ul>
      <p class="soft">
        {start?.sentence ?? 'Begin with a family of apps, or fill in what you need.'}
      </p>
    </nav>
  );
}

/** Takes the focus, so that who cannot see the page hears at once what is in the way. */
function Refusal({ mistakes, trouble }: Pick<AppFormFacts, 'mistakes' | 'trouble'>) {
  if (mistakes.length === 0 && trouble === null) {
    return (
      <p class="notice" id="refusal" tabindex={-1} autofocus>
        Look at what changes at the end of the page, then save.
      </p>
    );
  }
  return (
    <div class="notice bad" id="refusal" role="alert" tabindex={-1} autofocus>
      <p>
        <strong>Nothing was changed.</strong> {trouble}
      </p>
      <MistakeLinks mistakes={mistakes} />
    </div>
  );
}

function AppForm(facts: AppFormFacts) {
  const { name, spaces, known, mistakes, plan, reviewed } = facts;
  const form = shownOf(facts);
  return (
    <form class="sheet" method="post" data-check novalidate>
      {fieldGroups.map((group, at) => (
        <Group {...{ group, form, known }}>
          {at === 0 && name === null && (
            <Input
              {...{ form }}
              name="name"
              label="Name"
              hint="Part of its address: lower-case letters, digits and hyphens."
            />
          )}
          {group.hasSpace === true && (
            <Select
              {...{ form }}
              name="space"
              label="Space"
              options={spaces.map((space) => ({ value: space, label: space }))}
            />
          )}
        </Group>
      ))}
      <AppPlan {...{ name, plan, mistakes, reviewed }} />
    </form>
  );
}

function Group(props: {
  group: FieldGroup;
  form: FormShown;
  known: AppFormFacts['known'];
  children: Child;
}) {
  const { group, form, known, children } = props;
  const { title, isRare, fields } = group;
  const controls = fields.map((field) => (
    <AppFieldControl {...{ field, form }} known={known[field.path] ?? []} />
  ));
  if (isRare !== true) {
    return (
      <fieldset class="panel">
        <legend>{title}</legend>
        <div class="fields">
          {children}
          {controls}
        </div>
      </fieldset>
    );
  }
  return (
    <details class="panel" open={fields.some(({ path }) => form.mistakes[path] !== undefined)}>
      <summary>
        <h2>{title}</h2>
      </summary>
      <div class="fields">{controls}</div>
    </details>
  );
}

/** All mistakes of a field in one sentence. */
function shownOf({ values, mistakes, trouble }: AppFormFacts): FormShown {
  const byPath: Record<string, string> = {};
  for (const { path, message } of mistakes) {
    const before = byPath[path];
    byPath[path] = before === undefined ? message : `${before}; ${message}`;
  }
  return { ...appForm, values, mistakes: byPath, sentence: trouble };
}
