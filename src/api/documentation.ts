import { Hono } from 'hono';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { ApiEnv } from './dependencies.ts';

/** `/openapi.json`: made from the routes once, so it cannot say anything else than they do. */
export function documentation(app: OpenAPIHono<ApiEnv>): Hono<ApiEnv> {
  let made: ReturnType<OpenAPIHono['getOpenAPI31Document']> | null = null;
  return new Hono<ApiEnv>().get('/openapi.json', (context) => {
    made ??= app.getOpenAPI31Document({ openapi: '3.1.0', info, tags });
    return context.json(made);
  });
}

const info = {
  title: 'labkeeper',
  version: 'v1',
  description:
    'Apps that wake when somebody opens them and sleep when nobody uses them. Problems come as application/problem+json (RFC 9457). Commands answer 202 with an operation; an Idempotency-Key makes their repetition harmless.',
};

const tags = [
  { name: 'apps', description: 'Register, replace, list, show, remove' },
  { name: 'app commands', description: 'Start, stop, restart, keep awake' },
  { name: 'app output', description: 'Logs and usage' },
  { name: 'jobs', description: 'Submit, list, show, cancel, remove' },
  { name: 'job output', description: 'Logs, artifacts and series of jobs' },
  { name: 'events', description: 'Timelines, as pages and as streams' },
  { name: 'operations', description: 'Commands and what came of them' },
  { name: 'secrets', description: 'What apps need and nobody may read' },
  { name: 'hosts', description: 'Computers that run apps' },
  { name: 'health', description: 'For load balancers and supervisors' },
];
