import type { DeploymentStore, ForeignIdStore } from '../../deployment-ports.ts';
import type { RegistrationLimits } from '../apps/register.ts';
import type { Database } from '../database.ts';
import { acceptDeployment } from './accept.ts';
import { applyDeployment } from './apply.ts';
import { cancelDeployment, finishDeployment } from './end.ts';
import { findDeployment, findOpenDeployment, listOpenDeployments } from './find.ts';
import { findForeignApp, listForeignApps } from './foreign-apps.ts';

export function deploymentStore(database: Database, limits: RegistrationLimits): DeploymentStore {
  return {
    accept: (input) => acceptDeployment(database, input, limits),
    find: (operationId) => findDeployment(database.query, operationId),
    findOpen: (app) => findOpenDeployment(database.query, app),
    listOpen: () => listOpenDeployments(database),
    apply: (operationId) => applyDeployment(database, operationId, limits),
    finish: (operationId, end) => finishDeployment(database, operationId, end),
    cancel: (app, cause) => cancelDeployment(database, app, cause),
  };
}

export function foreignIdStore(database: Database): ForeignIdStore {
  return {
    find: (family, externalId) => findForeignApp(database, family, externalId),
    list: (page) => listForeignApps(database, page),
  };
}
