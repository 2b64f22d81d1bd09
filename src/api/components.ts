import { z } from '@hono/zod-openapi';
import * as shapes from '../model/api.ts';
import { appSpecSchema } from '../model/app-spec.ts';

const spec = appSpecSchema.openapi('AppSpec', { description: 'Definition of an app' });
const condition = shapes.appConditionSchema
  .extend({
    exit: shapes.exitSchema.openapi('Exit').nullable().describe('How its last instance ended'),
  })
  .openapi('AppCondition', { description: 'The state behind the status' });
const operation = shapes.operationSchema.openapi('Operation');
const app = shapes.appSchema
  .extend({ spec, condition, links: shapes.appLinksSchema.openapi('AppLinks') })
  .openapi('App', { description: 'An app' });
const event = shapes.timelineEventSchema.openapi('Event');
const host = shapes.hostSchema.openapi('Host');

/** The shapes of the model under the names they have in the OpenAPI document. */
export const components = {
  spec,
  operation,
  app,
  registeredApp: shapes.registeredAppSchema
    .extend({
      ...app.shape,
      operation: operation.nullable().describe('The operation; null when nothing changed'),
    })
    .openapi('RegisteredApp', { description: 'An app as it was registered' }),
  appList: shapes.appListSchema
    .extend({ items: z.array(app).describe('Apps by name') })
    .openapi('AppList', { description: 'A page of apps' }),
  eventList: shapes.eventListSchema
    .extend({ items: z.array(event).describe('Newest first') })
    .openapi('EventList', { description: 'A page of a timeline' }),
  hostList: shapes.hostListSchema
    .extend({ items: z.array(host).describe('Hosts by name') })
    .openapi('HostList', { description: 'All hosts' }),
  usage: shapes.appUsageSchema.openapi('AppUsage'),
  command: shapes.commandBodySchema.openapi('CommandNote'),
  health: shapes.healthSchema.openapi('Health'),
  problem: shapes.problemSchema.openapi('Problem'),
} as const;
