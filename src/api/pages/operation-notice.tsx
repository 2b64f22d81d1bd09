import type { Operation } from '../../store/ports.ts';
import { Status } from './status.tsx';

const states: Readonly<Record<Operation['state'], string>> = {
  accepted: 'Under way',
  succeeded: 'Done',
  failed: 'Failed',
};

/** What became of the command that led to this page. */
export function OperationNotice({ operation }: { operation: Operation }) {
  const { entity, verb, state, detail, actor } = operation;
  return (
    <p class="notice" data-status={state}>
      <Status status={state} words={states[state]} /> {verb} of {entity}, asked for by {actor}
      {detail !== null && `: ${detail}`}
    </p>
  );
}
