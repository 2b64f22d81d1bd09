import { createControlActivities } from './app-control.ts';
import { createHostActivities } from './app-host.ts';
import { createDeploymentControl } from './deployment-control.ts';
import { createDeploymentEffects } from './deployment-host.ts';
import { createJobControl } from './job-control.ts';
import { createJobEffects } from './job-host.ts';

export {
  createControlActivities,
  createDeploymentControl,
  createDeploymentEffects,
  createHostActivities,
  createJobControl,
  createJobEffects,
};

/** Everything a workflow may call, by name; the queue decides where it runs. */
export type Activities = ReturnType<typeof createControlActivities> &
  ReturnType<typeof createHostActivities> &
  ReturnType<typeof createDeploymentControl> &
  ReturnType<typeof createDeploymentEffects> &
  ReturnType<typeof createJobControl> &
  ReturnType<typeof createJobEffects>;
