import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { quick } from './options.ts';

/**
 * Run by a schedule: every app that is wanted awake, runs, or has an unfinished operation gets its
 * workflow back if it lost it (an operator's terminate, a restored backup).
 */
export async function repair(): Promise<{ looked: number; revived: string[] }> {
  const control = proxyActivities<Activities>({ ...quick, startToCloseTimeout: '5 min' });
  return control.reviveApps.executeWithOptions({ summary: 'rows without workflow' }, []);
}
