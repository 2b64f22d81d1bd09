import { randomUUID } from 'node:crypto';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { secureHeaders } from 'hono/secure-headers';
import type { Log } from '../log.ts';
import { opevaPath } from '../model/opeva.ts';
import { qulabsPath } from '../model/qulabs.ts';
import { appActions } from './app-actions.ts';
import { appCommands } from './app-commands.ts';
import { appFeed } from './app-feed.ts';
import { appHistory } from './app-history.ts';
import { appLogRoutes } from './app-logs.ts';
import { appLogs } from './app-log-source.ts';
import { appUsage } from './app-usage.ts';
import { apps } from './apps.ts';
import { authorize } from './auth/authorize.ts';
import { identify } from './auth/identify.ts';
import { loginLinks } from './auth/login-links.ts';
import { sameOrigin } from './auth/same-origin.ts';
import { opeva } from './compat/opeva/index.ts';
import { qulabs } from './compat/qulabs/index.ts';
import { configCheck } from './config-check.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import { deviceLogins } from './device-logins.ts';
import { documentation } from './documentation.ts';
import { eventFeed } from './event-feed.ts';
import { events } from './event-routes.ts';
import { eventStream } from './event-stream.ts';
import { health } from './health.ts';
import { hosts } from './hosts.ts';
import { internal } from './internal.ts';
import { manifests } from './manifests.ts';
import { jobActions } from './job-actions.ts';
import { jobArtifacts, sandboxedArtifacts } from './job-artifacts.ts';
import { jobFeed } from './job-feed.ts';
import { jobOutput } from './job-output.ts';
import { jobStream } from './job-stream.ts';
import { jobTypes } from './job-types.ts';
import { jobs } from './jobs.ts';
import { me } from './me.ts';
import { metricsRoute, timeRequests } from './metrics.ts';
import { router } from './openapi.ts';
import { linkActions } from './link-actions.ts';
import { links as appLinks } from './links.ts';
import { openApp } from './open-app.ts';
import { operations } from './operations.ts';
import { errorPages } from './pages/error-pages.tsx';
import { login } from './pages/login.tsx';
import { pages } from './pages/index.tsx';
import { people } from './people.ts';
import { appJson } from './present.ts';
import { queue } from './queue.ts';
import { queueReader } from './queue-view.ts';
import { registries } from './registries.ts';
import { secretActions } from './secret-actions.ts';
import { secrets } from './secrets.ts';
import { Problem, problemOf } from './problem.ts';
import { spaces } from './spaces.ts';
import { sweepActions } from './sweep-actions.ts';
import { sweeps } from './sweeps.ts';
import { streams, type Streams } from './stream.ts';
import { tokenActions } from './token-actions.ts';
import { traceRequests } from './trace-requests.ts';
import { unmatched } from './unmatched.ts';
import { uploads, uploadsPath } from './uploads.ts';
import { volumes } from './volumes.ts';

/** The whole API and the pages, as one Hono app. Opens no port; takes what it needs as values. */
export function createApp(deps: ApiDependencies): OpenAPIHono<ApiEnv> {
  const open = streams({
    maxStreams: deps.settings.maxEventStreams,
    bufferBytes: deps.settings.streamBufferBytes,
    heartbeatMs: deps.settings.heartbeatMs,
    ending: deps.ending,
  });
  endStreamsWithAccess(deps, open);
  const feeds = {
    events: eventFeed({
      events: deps.store.events,
      metrics: deps.metrics,
      log: deps.log,
      ending: deps.ending,
    }),
    apps: appFeed({
      store: deps.store,
      present: (row) => appJson(row, deps.settings),
      log: deps.log,
      ending: deps.ending,
    }),
    streams: open,
  };
  const actions = appActions(deps);
  const queueNow = queueReader({ jobs: deps.store.jobs, limits: deps.settings.queueLimits });
  const followedJobs = jobFeed({
    hosts: deps.store.hosts,
    jobs: deps.store.jobs,
    queue: queueNow,
    log: deps.log,
    ending: deps.ending,
  });
  const configs = configCheck();
  const jobDeeds = jobActions(deps, { queue: queueNow, configs });
  const links = loginLinks(deps);
  const appLinkDeeds = linkActions(deps);
  const secretDeeds = secretActions(deps, actions);
  const tokens = tokenActions(deps);
  const logs = appLogs({ hosts: deps.store.hosts, reader: deps.logReader });
  const app = router();

  app.use(namedRequests(deps.log), timeRequests(deps.metrics), traceRequests(deps.tracing));
  // Old clients have their own errors, doors and pages: what stands below is not for them.
  const oldClients = qulabs(deps, actions);
  for (const path of [qulabsPath, `${qulabsPath}/*`]) {
    app.all(path, (context) => oldClients(context.req.raw));
  }
  const ofOpeva = opeva(deps, jobDeeds, { mount: opevaPath });
  for (const path of [opevaPath, `${opevaPath}/*`]) {
    app.all(path, (context) => {
      // Only gateways reach this process from elsewhere, and they say who asks.
      const address = context.req.header('x-forwarded-for') ?? '127.0.0.1';
      return ofOpeva(context.req.raw, { listener: 'console', address });
    });
  }
  app.use('/api/v1/jobs/:id/artifacts/*', sandboxedArtifacts);
  app.use(secureHeaders(headers), errorPages);
  app.use(
    forPeople(sameOrigin(deps.settings)),
    forPeople(identify(deps)),
    forPeople(authorize(deps)),
  );
  app.use(limitedBody(deps.settings.maxBodyBytes));

  app.route('/', apps(deps, actions));
  app.route('/', manifests(deps, actions));
  app.route('/', appCommands(actions));
  app.route('/', appUsage(actions, logs));
  app.route('/', appHistory(deps, actions));
  app.route('/', appLinks(deps, appLinkDeeds));
  app.route('/', openApp(deps, actions));
  app.route('/', appLogRoutes(deps, { ...feeds, actions, logs }));
  app.route('/', events(deps, actions, eventStream(feeds)));
  app.route('/', jobs(deps, jobDeeds));
  app.route('/', uploads(deps));
  app.route('/', jobTypes(deps, configs));
  app.route('/', sweeps(deps, sweepActions(deps, { jobs: jobDeeds, configs })));
  app.route('/', queue(deps, { actions: jobDeeds, reader: queueNow }));
  app.route('/', jobArtifacts(deps, jobDeeds));
  app.route('/', jobStream(deps, { ...feeds, jobs: followedJobs }));
  app.route('/', jobOutput(deps, { actions: jobDeeds, streams: open }));
  app.route('/', operations(deps));
  app.route('/', hosts(deps));
  app.route('/', volumes(deps));
  app.route('/', me(deps, tokens));
  app.route('/', people(deps, links));
  app.route('/', spaces(deps));
  app.route('/', deviceLogins(deps));
  app.route('/', login(deps));
  app.route('/', secrets(deps, secretDeeds, actions));
  app.route('/', registries(deps, secretDeeds));
  app.route('/', internal(deps, { actions, logs, links }));
  app.route(
    '/',
    pages(deps, {
      actions,
      logs,
      tokens,
      loginLinks: links,
      appLinks: appLinkDeeds,
      secrets: secretDeeds,
      jobs: jobDeeds,
      queue: queueNow,
    }),
  );
  app.route('/', health(deps));
  app.route(
    '/',
    metricsRoute(deps, () => open.count()),
  );
  app.route('/', documentation(app));

  app.onError(problemOf(deps));
  app.notFound(unmatched(app));
  return app;
}

/** Strict for pages, harmless for JSON: nothing is loaded from elsewhere, nobody frames us. */
const headers = {
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    fontSrc: ["'self'"],
    connectSrc: ["'self'"],
    formAction: ["'self'"],
    baseUri: ["'none'"],
    frameAncestors: ["'none'"],
  },
  crossOriginResourcePolicy: 'same-origin',
  referrerPolicy: 'same-origin',
  strictTransportSecurity: false,
  xFrameOptions: 'DENY',
} satisfies Parameters<typeof secureHeaders>[0];

/** Machines of our own have their own door: a secret, or nothing worth guarding. */
const machinePaths = /^\/(?:internal|health|metrics)(?:\/|$)/;

function forPeople(guard: MiddlewareHandler<ApiEnv>): MiddlewareHandler<ApiEnv> {
  return async (context, next) =>
    machinePaths.test(context.req.path) ? next() : guard(context, next);
}

const knownRequestId = /^[\w.-]{1,64}$/;

/** Gives each request an id, or keeps a good one it came with: answer and log lines carry it. */
function namedRequests(log: Log): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    const given = context.req.header('x-request-id');
    const requestId = given !== undefined && knownRequestId.test(given) ? given : randomUUID();
    context.set('requestId', requestId);
    await next();
    context.res.headers.set('x-request-id', requestId);
    const { method, path } = context.req;
    log.debug({ requestId, method, path, status: context.res.status }, 'request');
  };
}

function limitedBody(maxBytes: number): MiddlewareHandler<ApiEnv> {
  const limited = bodyLimit({
    maxSize: maxBytes,
    onError: () => {
      throw new Problem(
        'body_too_large',
        `the body is larger than ${maxBytes} bytes (LABKEEPER_MAX_API_BODY_BYTES)`,
      );
    },
  });
  // Files count themselves, as they are written.
  return (context, next) => (context.req.path === uploadsPath ? next() : limited(context, next));
}

/** What a stream may tell was decided when it was opened: when that may have changed, all end. */
function endStreamsWithAccess(
  { store, ending }: Pick<ApiDependencies, 'store' | 'ending'>,
  open: Streams,
): void {
  let listens = false;
  const onChange = () => {
    if (listens) open.endAll();
    listens = true;
  };
  void store.access.listen(onChange, ending);
}
