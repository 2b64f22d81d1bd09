import { defineSearchAttributeKey } from '@temporalio/common';

const keyword = (name: string) => defineSearchAttributeKey(name, 'KEYWORD');

/**
 * What operators filter and sort workflows by in Temporal. At most six, since SQL stores have few
 * columns for them, and plain text that anybody with access to Temporal reads: no secrets. Registered
 * by supervisor/temporal-namespace.ts.
 */
export const searchAttributes = {
  /** `app` or `deployment`; given at the start, where it costs nothing. */
  kind: keyword('Kind'),
  /** What people see: one of the statuses in model/app-view.ts. */
  appState: keyword('AppState'),
  owner: keyword('Owner'),
  /** Where its newest instance is or was, once it has become ready or stopped there. */
  host: keyword('Host'),
  /** What is the matter that does not mend itself (`failed`); absent when nothing is. */
  needsAttention: keyword('NeedsAttention'),
} as const;
