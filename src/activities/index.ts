import { createControlActivities } from './app-control.ts';
import { createHostActivities } from './app-host.ts';
import type { ControlPorts, HostPorts } from './ports.ts';

export { createControlActivities, createHostActivities };

/** Everything a workflow may call, by name; the queue decides where it runs. */
export type Activities = ReturnType<typeof createControlActivities> &
  ReturnType<typeof createHostActivities>;

/** Both groups, for a process that serves the control queue and one host. */
export const createActivities = (control: ControlPorts, host: HostPorts): Activities => ({
  ...createControlActivities(control),
  ...createHostActivities(host),
});
