import { fieldOf } from './app-fields.ts';
import type { Mistake } from './app-form.ts';
import { idOf } from './fields.tsx';

/** Begins the ids of its fields. */
export const appForm = { name: 'app' } as const;

/** Each mistake, leading to its control. */
export function MistakeLinks({ mistakes }: { mistakes: readonly Mistake[] }) {
  if (mistakes.length === 0) return null;
  return (
    <ul>
      {mistakes.map(({ path, message }) => (
        <li>
          {path === '' ? (
            message
          ) : (
            <a href={`#${idOf({ form: appForm, name: path })}`}>{labelOf(path)}</a>
          )}
          {path !== '' && `: ${message}`}
        </li>
      ))}
    </ul>
  );
}

const labelOf = (path: string): string =>
  path === 'name' ? 'Name' : (fieldOf(path)?.label ?? path);
