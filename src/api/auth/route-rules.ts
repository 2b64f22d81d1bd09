import type { Permission } from '../../model/roles.ts';
import type { SubjectKind } from './subjects.ts';

/**
 * What each route asks for, before its handler runs. A route without a line here answers nobody.
 * `anyone`: also who is not logged in. `person`: everybody who is; the handler shows them what they
 * may know. `machine`: has a secret of its own. Else a permission on what the path names; a space that
 * it does not name stands in the query.
 */
export type RouteRule = 'anyone' | 'person' | 'machine' | { may: Permission; of: SubjectKind };

const app = (may: Permission): RouteRule => ({ may, of: 'app' });
const space = (may: Permission): RouteRule => ({ may, of: 'space' });
const volume = (may: Permission): RouteRule => ({ may, of: 'volume' });
const all = (may: Permission): RouteRule => ({ may, of: 'installation' });

export const routeRules: Readonly<Record<string, RouteRule>> = {
  'GET /api/v1/apps': 'person',
  'POST /api/v1/apps': 'person',
  'GET /api/v1/apps/:name': app('app.see'),
  'PUT /api/v1/apps/:name': 'person',
  'POST /api/v1/apps/:name/plan': 'person',
  'DELETE /api/v1/apps/:name': app('app.change'),
  'POST /api/v1/apps/:name/start': app('app.use'),
  'POST /api/v1/apps/:name/keep-awake': app('app.use'),
  'POST /api/v1/apps/:name/stop': app('app.operate'),
  'POST /api/v1/apps/:name/restart': app('app.operate'),
  'GET /api/v1/apps/:name/usage': app('app.see'),
  'GET /api/v1/apps/:name/usage/history': app('app.see'),
  'GET /api/v1/apps/:name/logs': app('app.read-output'),
  'GET /api/v1/apps/:name/events': app('app.see'),
  'GET /api/v1/apps/:name/events/stream': app('app.see'),
  'GET /api/v1/apps/:name/links': app('app.share'),
  'POST /api/v1/apps/:name/links': app('app.share'),
  'DELETE /api/v1/apps/:name/links/:id': app('app.share'),
  'GET /api/v1/events': 'person',
  'GET /api/v1/events/stream': 'person',
  'GET /api/v1/operations/:id': { may: 'app.see', of: 'operation' },
  'GET /api/v1/hosts': all('host.see'),
  'GET /api/v1/volumes': 'person',
  'PUT /api/v1/volumes/:name': 'person',
  'GET /api/v1/volumes/:name': volume('volume.see'),
  'DELETE /api/v1/volumes/:name': volume('volume.change'),
  'GET /api/v1/volumes/:name/archive': volume('volume.read'),
  'GET /api/v1/volumes/:name/events': volume('volume.see'),

  'GET /api/v1/apps/:name/secrets': app('app.see'),
  'GET /api/v1/secrets': space('secret.see'),
  'PUT /api/v1/secrets/:name': space('secret.change'),
  'DELETE /api/v1/secrets/:name': space('secret.change'),
  'POST /api/v1/secrets/reseal': all('secret.reseal'),
  'GET /api/v1/registries': space('secret.see'),
  'PUT /api/v1/registries/:host': space('registry.change'),
  'DELETE /api/v1/registries/:host': space('registry.change'),

  'GET /api/v1/me': 'person',
  'GET /api/v1/sessions': 'person',
  'DELETE /api/v1/sessions/:id': 'person',
  'GET /api/v1/tokens': 'person',
  'POST /api/v1/tokens': 'person',
  'DELETE /api/v1/tokens/:id': 'person',
  'GET /api/v1/people': all('person.manage'),
  'GET /api/v1/people/:person': all('person.manage'),
  'PUT /api/v1/people/:person': all('person.manage'),
  'POST /api/v1/people/:person/login-links': all('person.manage'),
  'GET /api/v1/spaces': 'person',
  'GET /api/v1/spaces/:space': space('space.see'),
  'PUT /api/v1/spaces/:space': all('space.create'),
  'DELETE /api/v1/spaces/:space': all('space.create'),
  'GET /api/v1/spaces/:space/members': space('space.see'),
  'PUT /api/v1/spaces/:space/members/:person': space('space.manage'),
  'DELETE /api/v1/spaces/:space/members/:person': space('space.manage'),

  'GET /login': 'anyone',
  'GET /login/link': 'anyone',
  'POST /login/link': 'anyone',
  'POST /logout': 'anyone',
  'GET /login/oidc': 'anyone',
  'GET /login/oidc/back': 'anyone',
  'GET /login/device': 'person',
  'POST /login/device': 'person',
  'POST /api/v1/device-logins': 'anyone',
  'POST /api/v1/device-logins/token': 'anyone',

  // The handler asks `mayOpen`: some apps are for everybody who is logged in.
  'GET /open/:name': 'person',
  'GET /': 'anyone',
  'GET /account': 'person',
  'POST /account/tokens': 'person',
  'POST /account/tokens/:id/revoke': 'person',
  'POST /account/sessions/:id/end': 'person',
  'GET /manage': 'person',
  'GET /manage/hosts': all('host.see'),
  'GET /manage/events': 'person',
  // Their handlers ask for a space in which the caller may register.
  'GET /manage/apps/new': 'person',
  'POST /manage/apps/new': 'person',
  'GET /manage/app/:name': app('app.see'),
  'GET /manage/app/:name/edit': app('app.change'),
  'POST /manage/app/:name/edit': app('app.change'),
  'POST /manage/app/:name/start': app('app.use'),
  'POST /manage/app/:name/keep-awake': app('app.use'),
  'POST /manage/app/:name/stop': app('app.operate'),
  'POST /manage/app/:name/restart': app('app.operate'),
  'POST /manage/app/:name/remove': app('app.change'),
  'GET /assets/:file': 'anyone',
  'GET /openapi.json': 'anyone',

  'POST /internal/apps/:name/wake': 'machine',
  'POST /internal/openings': 'machine',
  'GET /internal/apps/:name/log-tail': 'machine',
  'POST /internal/login-links': 'machine',
  'GET /health/live': 'machine',
  'GET /health/ready': 'machine',
  'GET /metrics': 'machine',
};
