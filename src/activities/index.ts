import { createControlActivities } from './app-control.ts';
import { createHostActivities } from './app-host.ts';

export { createControlActivities, createHostActivities };

/** Everything a workflow may call, by name; the queue decides where it runs. */
export type Activities = ReturnType<typeof createControlActivities> &
  ReturnType<typeof createHostActivities>;
