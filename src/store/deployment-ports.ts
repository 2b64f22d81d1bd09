import type { AppSpec } from '../model/app-spec.ts';
import type { Cause } from '../model/app-state.ts';
import type { DeploymentPlan } from '../model/deployment.ts';
import type { FailureType } from '../model/failures.ts';
import type { App, Operation } from './ports.ts';

/** A plan that was accepted; how far it is tells its operation (entity `deployment/<app>`). */
export interface Deployment {
  app: string;
  plan: DeploymentPlan;
  operation: Operation;
  /** Why it failed, when the model has a name for it. */
  failure: FailureType | null;
}

export interface DeploymentStore {
  /**
   * One transaction: deployment, operation, outbox entry, event; for an outside id that is new also
   * the app under the first of `names` that is free, and the id. The same plan again joins the one
   * that is open, another plan overtakes it. An app that is being removed is brought back. Throws
   * `conflict` when another app has the plan's host port (`details.takenBy`) or no name is free,
   * `quota_exceeded`.
   */
  accept(input: {
    foreign: { family: string; externalId: string; names: readonly string[] };
    /** Definition of an app that is not there yet. */
    initial: AppSpec;
    plan: DeploymentPlan;
    space: string;
    owner: string;
    cause: Cause;
    operationId: string;
  }): Promise<{
    deployment: Deployment;
    joined: boolean;
    /** What is to be delivered. */
    operations: readonly Operation[];
  }>;

  find(operationId: string): Promise<Deployment | null>;
  /** The one of this app that is not over. */
  findOpen(app: string): Promise<Deployment | null>;
  /** Apps with one that is not over, for the repair schedule. */
  listOpen(): Promise<string[]>;

  /**
   * Changes the app's definition and what its family shows. The operation is that of the change, null
   * when nothing changed; a repeat gives the same. Null when it is over already, or the app goes.
   */
  apply(operationId: string): Promise<{ app: App; operation: Operation | null } | null>;

  /** The end, with its event. Does nothing to one that is over. */
  finish(
    operationId: string,
    end: { state: 'succeeded' | 'failed'; detail: string; failure: FailureType | null },
  ): Promise<void>;

  /** Ends what is open, and leaves word for its workflow; gives the operation to deliver. */
  cancel(app: string, cause: Cause): Promise<Operation | null>;
}

/** What a family of old clients calls an app, and what it shows of it. */
export interface ForeignApp {
  externalId: string;
  record: Readonly<Record<string, unknown>>;
  app: App;
  /** There is a route; one that is closing opens again for a visit. */
  serves: boolean;
  /** The newest, over or not. */
  deployment: Deployment | null;
}

/** Outside ids by (family, id). They go with their app. */
export interface ForeignIdStore {
  find(family: string, externalId: string): Promise<ForeignApp | null>;
  /** By id, in the order of their bytes; `after` is the last one of the page before. */
  list(page: { family: string; after?: string; limit: number }): Promise<ForeignApp[]>;
}
