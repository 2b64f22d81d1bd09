/** The one deployment of an app that is not over. */
export interface OpenDeployment {
  operationId: string;
  image: string;
}

/**
 * What is still to be done once the definition is changed: `replace` waits for that change, `wake` and
 * `restart` are commands.
 */
export type DeploymentStep = 'replace' | 'wake' | 'restart';

export interface AppliedDeployment {
  steps: DeploymentStep[];
  readyWithinMs: number;
}
