import { randomUUID } from 'node:crypto';
import { Hono, type Context } from 'hono';
import { operationIdSchema } from '../../model/api.ts';
import { LabError } from '../../model/failures.ts';
import { jobIdPattern } from '../../model/job-ids.ts';
import { jobSpecSchema, type JobSpec } from '../../model/job-spec.ts';
import { jobEntity, jobInstanceName } from '../../model/names.ts';
import { may, spacesOf, type Caller } from '../../model/roles.ts';
import type { Job } from '../../store/job-ports.ts';
import type { ApiDependencies, ApiEnv } from '../dependencies.ts';
import { instanceLogs } from '../instance-logs.ts';
import type { JobActions } from '../job-actions.ts';
import { jobFor } from '../present-jobs.ts';
import { queueJson } from '../queue.ts';
import type { QueueReader } from '../queue-view.ts';
import { attempt, formShown, sentBy, type RefusedForm, type Sent } from './forms.ts';
import { jobFormPage } from './job-form-page.tsx';
import { readJobForm, writeJobForm } from './job-form.ts';
import { jobSelectionOf, jobsAddress, numberIn, readJobFilter } from './job-filter.ts';
import { jobPage } from './job-page.tsx';
import { jobsPage } from './jobs-page.tsx';
import { plainLog } from './plain-log.ts';
import { queuePage } from './queue-page.tsx';
import { removedPage } from './removed-page.tsx';
import { readTimeline } from './timeline.tsx';

const rowsOfPage = 50;
const offeredSpaces = 100;
const tailBytes = 12 * 1024;
/** Hosts are asked while a person waits for the page. */
const hostWithinMs = 1_500;

/** `/manage/jobs`, `/manage/job/{id}`, `/manage/queue`: what people see of jobs, and do with them. */
export function jobPages(
  deps: Pick<ApiDependencies, 'store' | 'settings' | 'logReader'>,
  { actions, queue }: { actions: JobActions; queue: QueueReader },
): Hono<ApiEnv> {
  const { store, settings } = deps;
  const logs = instanceLogs({ hosts: store.hosts, reader: deps.logReader });

  const readLog = async (job: Job, caller: Caller) => {
    if (!may(caller, 'job.read-output', job)) return null;
    if (job.attempt === 0) return { value: '' };
    const signal = AbortSignal.timeout(hostWithinMs);
    try {
      const name = jobInstanceName(job.number, job.attempt);
      const { bytes } = await logs.read(name, job.host, { tailBytes }, signal);
      return { value: plainLog(new TextDecoder().decode(bytes)) };
    } catch (error) {
      if (signal.aborted) return { trouble: `the host did not answer within ${hostWithinMs} ms` };
      return { trouble: error instanceof Error ? error.message : String(error) };
    }
  };

  const spacesFor = async (names: readonly string[] | null): Promise<string[]> => {
    const found = await store.spaces.list({
      ...(names === null ? {} : { names }),
      limit: offeredSpaces,
    });
    return found.map(({ name }) => name);
  };

  /** The definition that a form was begun from, as far as the caller may see that job. */
  const baseOf = async (caller: Caller, id: string | undefined): Promise<Job | null> => {
    if (id === undefined || !jobIdPattern.test(id)) return null;
    const job = await store.jobs.find(id);
    return job !== null && may(caller, 'job.see', job) ? job : null;
  };

  const form = async (
    context: Context<ApiEnv>,
    shown: { values: Sent; from: string | null; key: string; spec: JobSpec | null },
    refused: RefusedForm | null = null,
    status = refused?.status ?? 200,
  ) => {
    const identity = context.get('identity');
    const spaces = await spacesFor(spacesOf(identity.caller, 'job.submit'));
    if (spaces.length === 0) {
      throw new LabError(
        'forbidden',
        `${identity.caller.person} may not submit jobs: that needs the role instructor in a space`,
      );
    }
    const page = jobFormPage({
      ...{ identity, spaces, from: shown.from, key: shown.key, spec: shown.spec },
      form: formShown('job', refused, shown.values),
    });
    return context.html(page, status);
  };

  return new Hono<ApiEnv>()
    .get('/manage/jobs', async (context) => {
      const identity = context.get('identity');
      const visible = spacesOf(identity.caller, 'job.see');
      const filter = readJobFilter(context);
      const before = numberIn(context.req.query('before'));
      const [rows, spaces] = await Promise.all([
        store.jobs.list({
          ...jobSelectionOf(filter, visible),
          ...(before === null ? {} : { before }),
          limit: rowsOfPage + 1,
        }),
        spacesFor(visible),
      ]);
      const silent = await store.hosts.silent();
      const page = rows.slice(0, rowsOfPage);
      const last = rows.length > rowsOfPage ? page.at(-1) : undefined;
      return context.html(
        jobsPage({
          identity,
          jobs: page.map((job) => jobFor(identity.caller, job, null, settings, silent)),
          ...{ filter, spaces },
          first: before === null ? null : jobsAddress(filter),
          next: last === undefined ? null : jobsAddress(filter, last.number),
          done: context.req.query('done') ?? '',
        }),
      );
    })
    .get('/manage/queue', async (context) => {
      const identity = context.get('identity');
      const now = queueJson(await queue.read(), spacesOf(identity.caller, 'job.see'));
      return context.html(queuePage({ identity, queue: now }));
    })
    .get('/manage/jobs/new', async (context) => {
      const { caller } = context.get('identity');
      const base = await baseOf(caller, context.req.query('from'));
      const [space = 'default'] = await spacesFor(spacesOf(caller, 'job.submit'));
      const isDefault = may(caller, 'job.submit', { space: 'default', owner: null });
      const offered = jobSpecSchema.parse({ image: 'x', space: isDefault ? 'default' : space });
      const values =
        base === null ? { ...writeJobForm(offered), image: '' } : writeJobForm(base.spec);
      return form(context, {
        ...{ values, from: base?.id ?? null, key: randomUUID(), spec: base?.spec ?? null },
      });
    })
    .post('/manage/jobs/new', async (context) => {
      const { caller } = context.get('identity');
      const sent = await sentBy(context);
      const base = await baseOf(caller, sent['from']);
      const read = readJobForm(sent, base?.spec ?? null);
      const idempotencyKey = operationIdSchema.safeParse(sent['key']).data;
      const shown = { values: sent, from: base?.id ?? null, key: idempotencyKey ?? randomUUID() };
      const isCheck = sent['step'] === 'check';
      if ('mistakes' in read) {
        const { mistakes } = read;
        const refused = {
          form: 'job',
          status: 400,
          values: sent,
          mistakes,
          sentence: mistakes[''] ?? null,
        } as const;
        return form(context, { ...shown, spec: null }, refused, isCheck ? 200 : 400);
      }
      const { spec, body } = read;
      if (isCheck) {
        const planned = await attempt({ name: 'job', sent }, () =>
          actions.plan({ wish: spec, body, caller }),
        );
        if ('refused' in planned)
          return form(context, { ...shown, spec: null }, planned.refused, 200);
        return form(context, { ...shown, spec });
      }
      const tried = await attempt({ name: 'job', sent }, () =>
        actions.submit({ wish: spec, body, caller, idempotencyKey }),
      );
      if ('refused' in tried) return form(context, { ...shown, spec }, tried.refused);
      return context.redirect(`/manage/job/${tried.done.job.id}?done=submitted`, 303);
    })
    .get('/manage/job/:id', async (context) => {
      const id = context.req.param('id');
      const identity = context.get('identity');
      const { caller } = identity;
      const unknown = new LabError('not_found', `there is no job ${id}`);
      if (!jobIdPattern.test(id)) throw unknown;
      const before = context.req.query('before');
      const [job, timeline] = await Promise.all([
        store.jobs.find(id),
        readTimeline(store.events, { entity: jobEntity(id), before }),
      ]);
      if (job === null) {
        if (timeline.events.length === 0) throw unknown;
        const page = removedPage({
          ...{ identity, name: id, timeline, section: 'jobs', path: `/manage/job/${id}` },
          sentence: 'It was removed with its output and its files.',
        });
        return context.html(page, 404);
      }
      const [position, log, silent] = await Promise.all([
        actions.position(job),
        readLog(job, caller),
        store.hosts.silent(),
      ]);
      return context.html(
        jobPage({
          ...{ identity, timeline, log, job: jobFor(caller, job, position, settings, silent) },
          done: context.req.query('done') ?? '',
        }),
      );
    })
    .post('/manage/job/:id/cancel', async (context) => {
      const id = context.req.param('id');
      const { why = '' } = await sentBy(context);
      const cause = {
        actor: context.get('actor'),
        why: why.trim().slice(0, 200) || 'canceled on its page',
      };
      await actions.cancel(id, cause);
      return context.redirect(`/manage/job/${encodeURIComponent(id)}?done=canceled`, 303);
    })
    .post('/manage/job/:id/remove', async (context) => {
      const id = context.req.param('id');
      await actions.remove(id, { actor: context.get('actor'), why: 'removed on its page' });
      return context.redirect('/manage/jobs?done=removed', 303);
    });
}
