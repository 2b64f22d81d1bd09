import type { AppPlanJson } from '../../model/api.ts';
import { fieldOf } from './app-fields.ts';
import type { Mistake } from './app-form.ts';
import { MistakeLinks } from './mistake-links.tsx';

interface PlanFacts {
  name: string | null;
  plan: AppPlanJson | null;
  mistakes: readonly Mistake[];
  reviewed: string;
}

/** What saving would do, and the buttons. The script keeps it up to date while somebody types. */
export function AppPlan({ name, plan, mistakes, reviewed }: PlanFacts) {
  return (
    <section class="panel" id="plan" aria-labelledby="plan-heading">
      <h2 id="plan-heading">{name === null ? 'What will be' : 'What changes'}</h2>
      <div aria-live="polite">
        {plan === null ? <Unready {...{ name, mistakes }} /> : <Planned plan={plan} />}
      </div>
      <input type="hidden" name="reviewed" value={reviewed} />
      <div class="actions">
        <button class="primary" name="step" value="save">
          {saveWords(name, plan)}
        </button>
        <button name="step" value="check">
          Check
        </button>
        <a class="button" href={name === null ? '/manage' : `/manage/app/${name}`}>
          Cancel
        </a>
      </div>
    </section>
  );
}

function saveWords(name: string | null, plan: AppPlanJson | null): string {
  if (name === null) return 'Register';
  return plan?.effect === 'restart' ? 'Save and restart' : 'Save';
}

function Unready({ name, mistakes }: Pick<PlanFacts, 'name' | 'mistakes'>) {
  if (mistakes.length === 0) {
    return (
      <p class="soft">
        {name === null
          ? 'Check says what the form would do.'
          : 'Nothing is changed yet. Check says what a change would do.'}
      </p>
    );
  }
  return (
    <>
      <p>Not ready yet:</p>
      <MistakeLinks mistakes={mistakes} />
    </>
  );
}

function Planned({ plan }: { plan: AppPlanJson }) {
  const { effect, explanation, changes, warnings } = plan;
  return (
    <>
      <p data-effect={effect}>{explanation}</p>
      {warnings.map((warning) => (
        <p class="warning">Careful: {warning}.</p>
      ))}
      {changes.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">Field</th>
              <th scope="col">Now</th>
              <th scope="col">Then</th>
            </tr>
          </thead>
          <tbody>
            {changes.map(({ path, before, after }) => (
              <tr>
                <td data-label="Field">{path}</td>
                <td data-label="Now" class="mono">
                  {shown(path, before)}
                </td>
                <td data-label="Then" class="mono">
                  {shown(path, after)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

/** As the form writes it, with its unit; what the form does not have, as JSON. */
function shown(path: string, value: unknown): string {
  if (value === null || value === undefined) return '–';
  const field = fieldOf(path);
  if (field === null || field.path !== path)
    return typeof value === 'string' ? value : JSON.stringify(value);
  if (field.control === 'switch') return value === true ? 'yes' : 'no';
  const text = field.write(value);
  return field.unit === undefined ? text : `${text} ${field.unit.words}`;
}
