import type { Cause } from '../model/app-state.ts';
import { fullSpaceInWords, type FullSpace } from '../model/awake-quota.ts';
import { isLabError, LabError } from '../model/failures.ts';
import type { Operation } from '../store/ports.ts';
import type { AppActions } from './app-actions.ts';

/** Wakes an app for whoever opened it. Throws as the command does, in words that name no other app. */
export async function wakeForVisitor(
  actions: Pick<AppActions, 'command'>,
  { name, cause }: { name: string; cause: Cause },
): Promise<Operation> {
  try {
    return await actions.command({ name, verb: 'wake', cause });
  } catch (error) {
    throw forVisitors(error, name);
  }
}

/** It is shown to whoever opened the app, who may know of no other app. */
function forVisitors(error: unknown, name: string): unknown {
  if (!isLabError(error)) return error;
  const { fullSpace } = error.details as { fullSpace?: FullSpace };
  if (fullSpace === undefined) return error;
  const why = fullSpaceInWords(fullSpace, { namesApps: false });
  return new LabError('quota_exceeded', `cannot wake ${name}: ${why}`, { cause: error });
}
