import type { Child } from 'hono/jsx';
import type { FormShown } from './forms.ts';

interface FieldProps {
  form: FormShown;
  name: string;
  label: string;
  hint?: string;
}

interface InputProps extends FieldProps {
  type?: 'text' | 'number' | 'password' | 'search' | 'email';
  inputmode?: 'decimal';
  required?: boolean;
  maxlength?: number;
  min?: number;
  max?: number;
  pattern?: string;
  placeholder?: string;
  /** For values that a browser must neither offer nor keep. */
  autocomplete?: 'off' | 'new-password';
}

/** A labelled input with its hint, and beside it what is wrong with it. */
export function Input(props: InputProps) {
  const { form, name, label, hint, type = 'text', autocomplete = 'off', ...rules } = props;
  return (
    <Labelled {...{ form, name, label, hint }}>
      <input
        {...marks(props)}
        {...rules}
        type={type}
        autocomplete={autocomplete}
        value={form.values[name] ?? ''}
      />
    </Labelled>
  );
}

/** A text of several lines, as high as what is in it, within reason. `prose` is for people, else for programs. */
export function Textarea(props: FieldProps & { prose?: boolean; required?: boolean }) {
  const { form, name, label, hint, prose = false, required } = props;
  const text = form.values[name] ?? '';
  const rows = Math.min(Math.max(text.split('\n').length, 2), 12);
  return (
    <Labelled {...{ form, name, label, hint }}>
      <textarea
        {...marks(props)}
        {...{ rows, required }}
        autocomplete="off"
        class={prose ? 'prose' : undefined}
        spellcheck={prose}
      >
        {`\n${text}`}
      </textarea>
    </Labelled>
  );
}

/** On or off; sent as `on`, or not at all. */
export function Checkbox(props: FieldProps) {
  const { form, name, label, hint } = props;
  return (
    <div class="field">
      <label class="check">
        <input {...marks(props)} type="checkbox" value="on" checked={form.values[name] === 'on'} />
        {label}
      </label>
      <Notes {...{ form, name, hint }} />
    </div>
  );
}

/** A choice of a few. */
export function Select(
  props: FieldProps & { options: readonly { value: string; label: string }[] },
) {
  const { form, name, label, hint, options } = props;
  return (
    <Labelled {...{ form, name, label, hint }}>
      <select {...marks(props)}>
        {options.map((option) => (
          <option value={option.value} selected={option.value === form.values[name]}>
            {option.label}
          </option>
        ))}
      </select>
    </Labelled>
  );
}

/** What is wrong with a form and lies in no field of it. */
export function FormSentence({ form }: { form: FormShown }) {
  if (form.sentence === null) return null;
  return (
    <p class="mistake" role="alert">
      {form.sentence}
    </p>
  );
}

/** A secret that is shown now and never again. */
export function ShownOnce({
  label,
  text,
  children,
}: {
  label: string;
  text: string;
  children?: Child;
}) {
  return (
    <div class="once" role="status">
      <div class="field">
        <label for="once">{label}</label>
        <input id="once" value={text} readonly autocomplete="off" spellcheck={false} />
        <p class="hint">This is the only time that it is shown. Copy it now.</p>
      </div>
      {children}
    </div>
  );
}

function Labelled(props: Omit<FieldProps, 'hint'> & { hint: string | undefined; children: Child }) {
  const { form, name, label, hint, children } = props;
  return (
    <div class="field">
      <label for={idOf(props)}>{label}</label>
      {children}
      <Notes {...{ form, name, hint }} />
    </div>
  );
}

function Notes(props: Pick<FieldProps, 'form' | 'name'> & { hint: string | undefined }) {
  const { form, name, hint } = props;
  const mistake = form.mistakes[name];
  return (
    <>
      {hint !== undefined && (
        <p class="hint" id={`${idOf(props)}-hint`}>
          {hint}
        </p>
      )}
      {mistake !== undefined && (
        <p class="mistake" id={`${idOf(props)}-mistake`}>
          {mistake}
        </p>
      )}
    </>
  );
}

/** Name, id, and the texts that belong to it, for those who cannot see where they stand. */
function marks(props: Pick<FieldProps, 'form' | 'name' | 'hint'>) {
  const { form, name, hint } = props;
  const isWrong = form.mistakes[name] !== undefined;
  const texts = [hint === undefined ? '' : '-hint', isWrong ? '-mistake' : '']
    .filter((ending) => ending !== '')
    .map((ending) => idOf(props) + ending);
  return {
    id: idOf(props),
    name,
    'aria-invalid': isWrong ? ('true' as const) : undefined,
    'aria-describedby': texts.length === 0 ? undefined : texts.join(' '),
    autofocus: isWrong && Object.keys(form.mistakes)[0] === name,
  };
}

/** The id of a field, for links that lead to it. */
export const idOf = ({ form, name }: { form: Pick<FormShown, 'name'>; name: string }): string =>
  `${form.name}-${name}`;
