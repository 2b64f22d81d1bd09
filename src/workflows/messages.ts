import { TypedSearchAttributes } from '@temporalio/common';
import { defineSignal } from '@temporalio/workflow';
import type { Cause, Command, Exit } from '../model/app-state.ts';
import type { JobNews } from '../model/job-state.ts';
import { appEntity, controlQueue, deploymentEntity, jobEntity } from '../model/names.ts';
import { searchAttributes } from './search-attributes.ts';

/** A person's or a program's wish, delivered from the outbox. Repeats carry the same operationId. */
export interface AppCommand {
  operationId: string;
  command: Command;
  cause: Cause;
  /** Only for `replace`: the running instance cannot serve the new definition. */
  needsNewInstance: boolean;
}

/** A fact from a host's agent: the instance of this generation is over. */
export interface InstanceExited {
  generation: number;
  exit: Exit;
}

export const commandSignal = defineSignal<[AppCommand]>('command');
export const instanceExitedSignal = defineSignal<[InstanceExited]>('instanceExited');

/** Input of the `app` workflow; everything else is read from the row or carried in `carried`. */
export interface AppWorkflowInput {
  name: string;
}

/** Type name and id scheme that any Temporal client may use: `app`, id `app/<name>`. */
export const appWorkflowType = 'app';

/** How the workflow of an app is started, by whoever does: options of Temporal's client. */
export const appStart = (name: string) =>
  ({
    workflowId: appEntity(name),
    taskQueue: controlQueue,
    args: [{ name }] satisfies [AppWorkflowInput],
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    workflowIdConflictPolicy: 'USE_EXISTING',
    staticSummary: `App ${name}: wakes for visitors, sleeps when nobody uses it`,
    typedSearchAttributes: new TypedSearchAttributes([
      { key: searchAttributes.kind, value: 'app' },
    ]),
  }) as const;

/** There is a new deployment of the app, or the one under way is over: look again. */
export const deploymentSignal = defineSignal('look');

/** Input of the `deployment` workflow; what is to be deployed is read from the rows. */
export interface DeploymentWorkflowInput {
  app: string;
}

/** Type name and id scheme: `deployment`, id `deployment/<app>`. */
export const deploymentWorkflowType = 'deployment';

export const deploymentStart = (app: string) =>
  ({
    workflowId: deploymentEntity(app),
    taskQueue: controlQueue,
    args: [{ app }] satisfies [DeploymentWorkflowInput],
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    workflowIdConflictPolicy: 'USE_EXISTING',
    staticSummary: `Brings a new image of ${app} to its visitors`,
    typedSearchAttributes: new TypedSearchAttributes([
      { key: searchAttributes.kind, value: 'deployment' },
    ]),
  }) as const;

/** News of a job's row; the row says the same, so one that is lost is made up for by a new life. */
export const jobNewsSignal = defineSignal<[JobNews]>('news');

/** Input of the `job` workflow; everything else is read from the row. */
export interface JobWorkflowInput {
  id: string;
}

/** Type name and id scheme: `job`, id `job/<id>`. */
export const jobWorkflowType = 'job';

/** Whether a job may run again is judged by its row: a workflow of one that is over ends at once. */
export const jobStart = (id: string) =>
  ({
    workflowId: jobEntity(id),
    taskQueue: controlQueue,
    args: [{ id }] satisfies [JobWorkflowInput],
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    workflowIdConflictPolicy: 'USE_EXISTING',
    staticSummary: `Job ${id}: waits for room, runs, and ends`,
    typedSearchAttributes: new TypedSearchAttributes([
      { key: searchAttributes.kind, value: 'job' },
    ]),
  }) as const;
