import type { AppField } from './app-fields.ts';
import { Checkbox, Input, Select, Textarea } from './fields.tsx';
import type { FormShown } from './forms.ts';

/** The control of one field of a definition. `known` are names that can be written into it. */
export function AppFieldControl(props: {
  field: AppField;
  form: FormShown;
  known: readonly string[];
}) {
  const { field, form, known } = props;
  const hints = [field.hint, known.length === 0 ? '' : `There are: ${known.join(', ')}.`];
  const hint = hints.filter(Boolean).join(' ');
  const common = {
    form,
    name: field.path,
    label: field.unit === undefined ? field.label : `${field.label} (${field.unit.words})`,
    ...(hint === '' ? {} : { hint }),
  };
  switch (field.control) {
    case 'prose':
      return <Textarea {...common} prose />;
    case 'lines':
      return <Textarea {...common} />;
    case 'choice':
      return <Select {...common} options={field.options ?? []} />;
    case 'switch':
      return <Checkbox {...common} />;
    case 'number':
      return <Input {...common} inputmode="decimal" />;
    case 'text':
      return <Input {...common} />;
  }
}
