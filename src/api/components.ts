import { z } from '@hono/zod-openapi';
import * as shapes from '../model/api.ts';
import { appSpecSchema } from '../model/app-spec.ts';
import * as jobs from '../model/job-api.ts';
import { jobSpecSchema, jobSubmissionSchema } from '../model/job-spec.ts';
import { jobTypeSpecSchema } from '../model/job-type.ts';
import { sweepSchema } from '../model/sweep.ts';
import * as sweeps from '../model/sweep-api.ts';
import * as secrets from '../model/secret-api.ts';

const spec = appSpecSchema.meta({ id: 'AppSpec', description: 'Definition of an app' });
const condition = shapes.appConditionSchema
  .extend({
    exit: shapes.exitSchema.meta({ id: 'Exit' }).nullable().describe('How its last instance ended'),
  })
  .meta({ id: 'AppCondition', description: 'The state behind the status' });
const operation = shapes.operationSchema.meta({ id: 'Operation' });
const app = shapes.appSchema
  .extend({ spec, condition, links: shapes.appLinksSchema.meta({ id: 'AppLinks' }) })
  .meta({ id: 'App', description: 'An app' });
const event = shapes.timelineEventSchema.meta({ id: 'Event' });
const host = shapes.hostSchema.meta({ id: 'Host' });
const jobSpec = jobSpecSchema.meta({ id: 'JobSpec', description: 'Definition of a job' });
const sweep = sweeps.sweepJsonSchema.meta({ id: 'Sweep' });
const jobTypeSpec = jobTypeSpecSchema.meta({
  id: 'JobTypeSpec',
  description: 'Definition of a job type',
});
const jobType = jobs.jobTypeSchema
  .extend({ spec: jobTypeSpec })
  .meta({ id: 'JobType', description: 'A named kind of job' });
const job = jobs.jobSchema
  .extend({
    spec: jobSpec,
    exit: shapes.exitSchema.meta({ id: 'Exit' }).nullable().describe('How its last attempt ended'),
    cancel: jobs.cancelSchema.meta({ id: 'CancelEvidence' }).nullable(),
    links: jobs.jobLinksSchema.meta({ id: 'JobLinks' }),
  })
  .meta({ id: 'Job', description: 'A job' });
const secret = secrets.secretSchema.meta({ id: 'Secret' });
const registry = secrets.registrySchema.meta({ id: 'Registry' });
const appSecret = secrets.appSecretSchema.meta({ id: 'AppSecret' });

/**
 * The shapes of the model under the names they have in the OpenAPI document. Named by zod's own `meta`, which
 * works in whatever order modules are loaded.
 */
export const components = {
  spec,
  operation,
  app,
  registeredApp: shapes.registeredAppSchema
    .extend({
      ...app.shape,
      operation: operation.nullable().describe('The operation; null when nothing changed'),
    })
    .meta({ id: 'RegisteredApp', description: 'An app as it was registered' }),
  appPlan: shapes.appPlanSchema.meta({ id: 'AppPlan' }),
  appList: shapes.appListSchema
    .extend({ items: z.array(app).describe('Apps by name') })
    .meta({ id: 'AppList', description: 'A page of apps' }),
  eventList: shapes.eventListSchema
    .extend({ items: z.array(event).describe('Newest first') })
    .meta({ id: 'EventList', description: 'A page of a timeline' }),
  deadHost: shapes.deadHostSchema.meta({ id: 'DeadHost' }),
  hostList: shapes.hostListSchema
    .extend({ items: z.array(host).describe('Hosts by name') })
    .meta({ id: 'HostList', description: 'All hosts' }),
  plannedJob: z
    .object({ spec: jobSpec.describe('With every default filled in') })
    .meta({ id: 'PlannedJob', description: 'What a submission would run' }),
  job,
  upload: jobs.uploadSchema.meta({ id: 'Upload' }),
  jobMetrics: jobs.jobMetricsSchema.meta({ id: 'JobMetrics' }),
  artifactList: jobs.artifactListSchema
    .extend({ items: z.array(jobs.artifactSchema.meta({ id: 'Artifact' })).describe('By path') })
    .meta({ id: 'ArtifactList', description: 'A page of what a job left' }),
  submittedJob: jobs.submittedJobSchema
    .extend(job.shape)
    .meta({ id: 'SubmittedJob', description: 'A job as it was submitted' }),
  jobList: jobs.jobListSchema
    .extend({ items: z.array(job).describe('Newest first') })
    .meta({ id: 'JobList', description: 'A page of jobs' }),
  sweepBody: sweepSchema.meta({ id: 'SweepSubmission', description: 'A sweep as it is asked for' }),
  sweep,
  submittedSweep: sweeps.submittedSweepSchema
    .extend(sweep.shape)
    .meta({ id: 'SubmittedSweep', description: 'A sweep as it was submitted' }),
  sweepList: sweeps.sweepListSchema
    .extend({ items: z.array(sweep).describe('Newest first') })
    .meta({ id: 'SweepList', description: 'A page of sweeps' }),
  sweepTable: sweeps.sweepTableSchema.meta({ id: 'SweepTable' }),
  queue: jobs.queueViewSchema.meta({ id: 'Queue' }),
  jobSubmission: jobSubmissionSchema.meta({
    id: 'JobSubmission',
    description: 'A job as it is asked for: whole, or of a type',
  }),
  jobTypeSpec,
  jobType,
  definedJobType: jobs.definedJobTypeSchema
    .extend(jobType.shape)
    .meta({ id: 'DefinedJobType', description: 'A job type as it was defined' }),
  jobTypeList: jobs.jobTypeListSchema
    .extend({ items: z.array(jobType).describe('Job types by name') })
    .meta({ id: 'JobTypeList', description: 'A page of job types' }),
  checkedConfig: jobs.checkedConfigSchema.meta({ id: 'CheckedConfig' }),
  usage: shapes.appUsageSchema.meta({ id: 'AppUsage' }),
  history: shapes.appHistorySchema.meta({ id: 'AppHistory' }),
  command: shapes.commandBodySchema.meta({ id: 'CommandNote' }),
  secret,
  secretList: secrets.secretListSchema
    .extend({ items: z.array(secret).describe('Secrets by name') })
    .meta({ id: 'SecretList', description: 'A page of secrets' }),
  registry,
  registryList: secrets.registryListSchema
    .extend({ items: z.array(registry).describe('Registries by host') })
    .meta({ id: 'RegistryList', description: 'A page of registries with credentials' }),
  appSecretList: secrets.appSecretListSchema
    .extend({ items: z.array(appSecret).describe('By variable') })
    .meta({ id: 'AppSecretList', description: 'The secrets of an app' }),
  resealed: secrets.resealedSchema.meta({ id: 'Resealed' }),
  health: shapes.healthSchema.meta({ id: 'Health' }),
  problem: shapes.problemSchema.meta({ id: 'Problem' }),
} as const;
