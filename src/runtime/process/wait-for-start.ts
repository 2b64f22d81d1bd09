import { join } from 'node:path';
import { LabError } from '../../model/failures.ts';
import { instanceFolder, type Home } from './home.ts';
import { isRunning } from './process-table.ts';
import { readRecord, type Refusal } from './records.ts';
import { readRecords, readState, type State } from './state.ts';
import { waitFor } from './wait.ts';

const startDeadlineMs = 20_000;

/**
 * Gives the instance once it runs or is over, or why its command could not be run; null when
 * somebody removed it meanwhile. Throws `runtime_unavailable` when its shim says nothing at all.
 */
export async function waitForStart(home: Home, name: string): Promise<State | Refusal | null> {
  const folder = instanceFolder(home, name);
  const seen = await waitFor(folder, startDeadlineMs, () => {
    const refusal = readRecord(folder, 'refusal');
    if (refusal !== null) return refusal;
    const state = readRecords(home, name);
    if (state === null) return 'gone';
    if (state.start !== null || state.exit !== null) return state;
    return state.shim !== null && !isRunning(state.shim) ? 'lost' : null;
  });
  if (seen === 'gone') return null;
  // Its shim died on the way: reading makes that an exit.
  if (seen === 'lost') return readState(home, name);
  if (seen !== null) return seen;
  throw new LabError(
    'runtime_unavailable',
    `cannot start ${name}: its shim did not start it within ${startDeadlineMs} ms. See ${join(folder, 'shim.err')}`,
  );
}
