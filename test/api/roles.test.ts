import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routeRules } from '../../src/api/auth/route-rules.ts';
import { requirePart } from '../beds/require.ts';
import { problemOf, spec } from './bed.ts';
import { openPeople, type PeopleBed } from './people-bed.ts';

const formType = 'application/x-www-form-urlencoded';

/** Who asks. The app, volume or secret that a path names is in `ml101`, and `owner` registered it. */
const callers = [
  'visitor',
  'stranger',
  'viewer',
  'user',
  'instructor',
  'owner',
  'admin',
  'operator',
] as const;
type Caller = (typeof callers)[number];

/** From the least caller who may on; `own` is instructors for their own, and admins. */
const allowed: Readonly<Record<string, readonly Caller[]>> = {
  nobody: [],
  anyone: callers,
  person: callers.slice(1),
  viewer: callers.slice(2),
  user: callers.slice(3),
  instructor: callers.slice(4),
  own: ['owner', 'admin', 'operator'],
  /** Instructors of any space: the stranger is admin of another. */
  registrar: ['stranger', ...callers.slice(4)],
  admin: ['admin', 'operator'],
  operator: ['operator'],
};

interface Line {
  least: keyof typeof allowed;
  path?: string;
  body?: unknown;
  /** Fields, where it takes a form. */
  form?: Record<string, string>;
  /** What those get who cannot see it, where its name is not free. */
  taken?: number;
}

/** Every route that is not a machine's: the least who may use it, and how it is asked here. */
const table: Readonly<Record<string, Line>> = {
  'GET /api/v1/apps': { least: 'person' },
  'POST /api/v1/apps': {
    least: 'own',
    taken: 409,
    body: { name: 'plot', space: 'ml101', ...spec },
  },
  'PUT /api/v1/apps/:name': { least: 'own', taken: 409, body: { space: 'ml101', ...spec } },
  'POST /api/v1/apps/:name/plan': { least: 'own', taken: 409, body: { space: 'ml101', ...spec } },
  'POST /api/v1/manifests': {
    least: 'own',
    taken: 409,
    body: { apps: [{ name: 'plot', space: 'ml101', ...spec }] },
  },
  'GET /api/v1/apps/:name': { least: 'viewer' },
  'DELETE /api/v1/apps/:name': { least: 'own' },
  'POST /api/v1/apps/:name/start': { least: 'user' },
  'POST /api/v1/apps/:name/keep-awake': { least: 'user' },
  'POST /api/v1/apps/:name/stop': { least: 'own' },
  'POST /api/v1/apps/:name/restart': { least: 'own' },
  'GET /api/v1/apps/:name/usage': { least: 'viewer' },
  'GET /api/v1/apps/:name/usage/history': { least: 'viewer' },
  'GET /api/v1/apps/:name/logs': { least: 'instructor' },
  'GET /api/v1/apps/:name/events': { least: 'viewer' },
  'GET /api/v1/apps/:name/events/stream': { least: 'viewer' },
  'GET /api/v1/apps/:name/links': { least: 'own' },
  'POST /api/v1/apps/:name/links': { least: 'own', body: { label: 'x' } },
  'DELETE /api/v1/apps/:name/links/:id': {
    least: 'own',
    path: '/api/v1/apps/plot/links/0123456789ab',
  },
  'GET /api/v1/jobs': { least: 'person' },
  'POST /api/v1/uploads': { least: 'person', path: '/api/v1/uploads?name=weather.csv' },
  'POST /api/v1/jobs': { least: 'instructor', body: { space: 'ml101', command: ['true'] } },
  'PUT /api/v1/jobs/:id': {
    least: 'instructor',
    path: '/api/v1/jobs/fresh',
    taken: 409,
    body: { space: 'ml101', command: ['true'] },
  },
  'GET /api/v1/jobs/:id': { least: 'viewer' },
  'POST /api/v1/jobs/:id/cancel': { least: 'own', body: {} },
  // It waits, so that nobody's try removes it for the next.
  'DELETE /api/v1/jobs/:id': { least: 'own', path: '/api/v1/jobs/run-2' },
  'GET /api/v1/jobs/:id/logs': { least: 'instructor' },
  'GET /api/v1/jobs/:id/artifacts': { least: 'instructor' },
  // To whom may read it, it is not there: the job has not run.
  'GET /api/v1/jobs/:id/artifacts/:path{.+}': {
    least: 'operator',
    path: '/api/v1/jobs/run-1/artifacts/hourly.csv',
  },
  'GET /api/v1/jobs/:id/archive': { least: 'instructor' },
  'GET /api/v1/jobs/:id/metrics': { least: 'viewer' },
  'GET /api/v1/jobs/:id/events': { least: 'viewer' },
  'GET /api/v1/jobs/:id/events/stream': { least: 'viewer' },
  'GET /api/v1/jobs/:id/result': { least: 'viewer', path: '/api/v1/jobs/over/result' },
  'POST /api/v1/jobs/:id/hold': { least: 'own', path: '/api/v1/jobs/run-2/hold', body: {} },
  'POST /api/v1/jobs/:id/release': { least: 'own', path: '/api/v1/jobs/run-2/release', body: {} },
  'GET /api/v1/job-types': { least: 'person' },
  'GET /api/v1/job-types/:name': { least: 'viewer' },
  'PUT /api/v1/job-types/:name': {
    least: 'own',
    taken: 409,
    body: { space: 'ml101', command: ['true'] },
  },
  'POST /api/v1/job-types/:name/validate': { least: 'viewer', body: { config: {} } },
  'DELETE /api/v1/job-types/:name': { least: 'own', path: '/api/v1/job-types/kept' },
  'POST /api/v1/jobs/validate': {
    least: 'instructor',
    body: { space: 'ml101', command: ['true'] },
  },
  'GET /api/v1/sweeps': { least: 'person' },
  'POST /api/v1/sweeps': {
    least: 'instructor',
    body: { job: { space: 'ml101', command: ['true'] }, grid: { a: [1] } },
  },
  'PUT /api/v1/sweeps/:id': {
    least: 'instructor',
    path: '/api/v1/sweeps/fresh',
    taken: 409,
    body: { job: { space: 'ml101', command: ['true'] }, grid: { a: [1] } },
  },
  'GET /api/v1/sweeps/:id': { least: 'viewer' },
  'GET /api/v1/sweeps/:id/jobs': { least: 'viewer' },
  'GET /api/v1/sweeps/:id/results.csv': { least: 'viewer' },
  // It goes on, so that nobody's try removes it for the next.
  'DELETE /api/v1/sweeps/:id': { least: 'own', path: '/api/v1/sweeps/goes-on' },
  'POST /api/v1/sweeps/:id/cancel': { least: 'own', body: {} },
  'GET /api/v1/queue': { least: 'person' },
  'POST /api/v1/queue/hold': { least: 'admin', body: { space: 'ml101' } },
  'POST /api/v1/queue/release': { least: 'admin', body: { space: 'ml101' } },
  'GET /api/v1/events': { least: 'person' },
  'GET /api/v1/events/stream': { least: 'person' },
  'GET /api/v1/operations/:id': { least: 'viewer', path: '/api/v1/operations/first-wake' },
  'GET /api/v1/hosts': { least: 'operator' },
  'POST /api/v1/hosts/:name/declare-dead': {
    least: 'operator',
    path: '/api/v1/hosts/lab-9/declare-dead',
  },
  'GET /api/v1/apps/:name/secrets': { least: 'viewer' },
  'GET /api/v1/secrets': { least: 'instructor', path: '/api/v1/secrets?space=ml101' },
  'PUT /api/v1/secrets/:name': {
    least: 'instructor',
    path: '/api/v1/secrets/hf-token?space=ml101',
    body: { value: 'x' },
  },
  'DELETE /api/v1/secrets/:name': {
    least: 'instructor',
    path: '/api/v1/secrets/kept?space=ml101',
  },
  'POST /api/v1/secrets/reseal': { least: 'operator' },
  'GET /api/v1/registries': { least: 'instructor', path: '/api/v1/registries?space=ml101' },
  'PUT /api/v1/registries/:host': {
    least: 'operator',
    path: '/api/v1/registries/ghcr.example?space=ml101',
    body: { username: 'lab', password: 'x' },
  },
  'DELETE /api/v1/registries/:host': {
    least: 'operator',
    path: '/api/v1/registries/ghcr.example?space=ml101',
  },
  'GET /api/v1/volumes': { least: 'person' },
  'PUT /api/v1/volumes/:name': { least: 'own', taken: 409, body: { space: 'ml101' } },
  'GET /api/v1/volumes/:name': { least: 'user' },
  'GET /api/v1/volumes/:name/archive': { least: 'own' },
  'GET /api/v1/volumes/:name/events': { least: 'user' },
  'DELETE /api/v1/volumes/:name': { least: 'own' },
  'GET /api/v1/me': { least: 'person' },
  'GET /api/v1/sessions': { least: 'person' },
  'DELETE /api/v1/sessions/:id': { least: 'person', path: '/api/v1/sessions/all' },
  'GET /api/v1/tokens': { least: 'person' },
  'POST /api/v1/tokens': { least: 'person', body: { label: 'x' } },
  // Another's token: to everybody else it is not there.
  'DELETE /api/v1/tokens/:id': { least: 'operator', path: '/api/v1/tokens/0123456789ab' },
  'GET /api/v1/people': { least: 'operator' },
  'GET /api/v1/people/:person': { least: 'operator', path: '/api/v1/people/eve' },
  'PUT /api/v1/people/:person': { least: 'operator', path: '/api/v1/people/eve', body: {} },
  'POST /api/v1/people/:person/login-links': {
    least: 'operator',
    path: '/api/v1/people/eve/login-links',
  },
  'GET /api/v1/spaces': { least: 'person' },
  'GET /api/v1/spaces/:space': { least: 'viewer' },
  'PUT /api/v1/spaces/:space': { least: 'operator', body: {} },
  'DELETE /api/v1/spaces/:space': { least: 'operator' },
  'GET /api/v1/spaces/:space/members': { least: 'viewer' },
  'PUT /api/v1/spaces/:space/members/:person': { least: 'admin', body: { role: 'user' } },
  'DELETE /api/v1/spaces/:space/members/:person': { least: 'admin' },
  'GET /login': { least: 'anyone' },
  'GET /login/link': { least: 'anyone' },
  'POST /login/link': { least: 'anyone' },
  'POST /logout': { least: 'anyone' },
  'GET /login/oidc': { least: 'anyone' },
  'GET /login/oidc/back': { least: 'anyone' },
  'GET /login/device': { least: 'person' },
  // Those who ask here hold tokens, which may not: a person of any role at a browser may.
  'POST /login/device': { least: 'nobody' },
  'POST /api/v1/device-logins': { least: 'anyone', body: { label: 'x' } },
  'POST /api/v1/device-logins/token': { least: 'anyone', body: { deviceCode: 'A'.repeat(43) } },
  'GET /open/:name': { least: 'user' },
  'GET /': { least: 'anyone' },
  'GET /account': { least: 'person' },
  'POST /account/tokens': { least: 'person', form: { label: 'x', expiresInMs: '60000' } },
  'POST /account/tokens/:id/revoke': {
    least: 'operator',
    path: '/account/tokens/0123456789ab/revoke',
  },
  'POST /account/sessions/:id/end': { least: 'person', path: '/account/sessions/all/end' },
  'GET /manage': { least: 'person' },
  'GET /manage/hosts': { least: 'operator' },
  'GET /manage/events': { least: 'person' },
  'GET /manage/apps/new': { least: 'registrar' },
  'POST /manage/apps/new': { least: 'registrar', body: {} },
  'GET /manage/app/:name': { least: 'viewer' },
  'GET /manage/app/:name/edit': { least: 'own' },
  'POST /manage/app/:name/edit': { least: 'own', body: {} },
  'POST /manage/app/:name/start': { least: 'user' },
  'POST /manage/app/:name/keep-awake': { least: 'user' },
  'POST /manage/app/:name/stop': { least: 'own' },
  'POST /manage/app/:name/restart': { least: 'own' },
  'POST /manage/app/:name/remove': { least: 'own' },
  'GET /manage/people': { least: 'operator' },
  'POST /manage/people': { least: 'operator', form: { name: 'zoe' } },
  'GET /manage/person/:person': { least: 'operator' },
  'POST /manage/person/:person': { least: 'operator', form: { title: 'Eve' } },
  'POST /manage/person/:person/access': { least: 'operator', form: { disabled: 'false' } },
  'POST /manage/person/:person/roles': {
    least: 'operator',
    form: { space: 'bio', role: 'viewer' },
  },
  'POST /manage/person/:person/login-link': { least: 'operator' },
  'GET /manage/spaces': { least: 'person' },
  'POST /manage/spaces': { least: 'operator', form: { name: 'chemistry' } },
  'GET /manage/space/:space': { least: 'viewer' },
  'POST /manage/space/:space': { least: 'operator', form: { title: 'Machine learning' } },
  'POST /manage/space/:space/remove': { least: 'operator' },
  'POST /manage/space/:space/members': { least: 'admin', form: { person: 'eve', role: 'user' } },
  'POST /manage/space/:space/members/:person/remove': { least: 'admin' },
  'GET /manage/app/:name/sharing': { least: 'own' },
  'POST /manage/app/:name/sharing': {
    least: 'own',
    form: { label: 'x', expiresInMs: '60000' },
  },
  'POST /manage/app/:name/sharing/:id/revoke': {
    least: 'own',
    path: '/manage/app/plot/sharing/0123456789ab/revoke',
  },
  'GET /manage/secrets': { least: 'person' },
  'GET /manage/space/:space/secrets': { least: 'instructor' },
  'POST /manage/space/:space/secrets': {
    least: 'instructor',
    form: { name: 'hf-token', value: 'x' },
  },
  'POST /manage/space/:space/secrets/:name/remove': {
    least: 'instructor',
    path: '/manage/space/ml101/secrets/kept/remove',
  },
  'POST /manage/space/:space/registries': {
    least: 'operator',
    form: { host: 'ghcr.example', username: 'lab', password: 'x' },
  },
  'POST /manage/space/:space/registries/:name/remove': {
    least: 'operator',
    path: '/manage/space/ml101/registries/ghcr.example/remove',
  },
  'GET /manage/jobs': { least: 'person' },
  'GET /manage/queue': { least: 'person' },
  'GET /manage/jobs/new': { least: 'registrar' },
  'POST /manage/jobs/new': { least: 'instructor', form: { space: 'ml101', command: 'true' } },
  'GET /manage/job/:id': { least: 'viewer' },
  'POST /manage/job/:id/cancel': { least: 'own', form: {} },
  'POST /manage/job/:id/remove': { least: 'own', path: '/manage/job/run-2/remove', form: {} },
  'GET /manage/volumes': { least: 'person' },
  'POST /manage/volumes': { least: 'instructor', form: { name: 'fresh', space: 'ml101' } },
  'GET /manage/volume/:name': { least: 'user' },
  'POST /manage/volume/:name': { least: 'own', form: {} },
  'POST /manage/volume/:name/remove': { least: 'own', form: { confirm: 'plot' } },
  'GET /assets/:file': { least: 'anyone' },
  'GET /openapi.json': { least: 'anyone' },
};

describe.runIf(requirePart('postgres'))('roles', () => {
  let bed: PeopleBed;
  const headers = {} as Record<Caller, Record<string, string>>;
  beforeAll(async () => {
    bed = await openPeople();
    headers.visitor = {};
    headers.stranger = await bed.person('stranger', { bio: 'admin' });
    for (const role of ['viewer', 'user', 'instructor', 'admin'] as const) {
      headers[role] = await bed.person(role, { ml101: role });
    }
    headers.owner = await bed.person('owner', { ml101: 'instructor' });
    headers.operator = await bed.person('operator', {}, { operator: true });
    await bed.person('eve');
    await bed.store.tokens.add(
      { id: '0123456789ab', digest: Buffer.alloc(32), person: 'eve', label: 'x', lastsMs: 60_000 },
      { actor: 'eve' },
    );
    const made = await bed.send('PUT', '/api/v1/apps/plot', {
      body: { space: 'ml101', ...spec },
      headers: headers.owner,
    });
    expect(made.status).toBe(201);
    await bed.send('PUT', '/api/v1/secrets/kept?space=ml101', {
      body: { value: 'x' },
      headers: headers.instructor,
    });
    await bed.send('PUT', '/api/v1/apps/keeper', {
      body: { space: 'ml101', ...spec, secrets: { TOKEN: 'kept' } },
      headers: headers.owner,
    });
    for (const id of ['run-1', 'goes-on']) {
      await bed.send('PUT', `/api/v1/sweeps/${id}`, {
        body: { job: { space: 'ml101', command: ['true'] }, grid: { a: [1] } },
        headers: headers.owner,
      });
    }
    for (const type of ['plot', 'kept']) {
      await bed.send('PUT', `/api/v1/job-types/${type}`, {
        body: { space: 'ml101', command: ['true'] },
        headers: headers.owner,
      });
    }
    await bed.send('PUT', '/api/v1/jobs/over', {
      body: { space: 'ml101', command: ['true'] },
      headers: headers.owner,
    });
    await bed.store.jobs.cancel('over', { actor: 'owner', why: 'test' });
    // It waits, so that nobody's try removes its type for the next.
    await bed.send('POST', '/api/v1/jobs', { body: { type: 'kept' }, headers: headers.owner });
    for (const id of ['run-1', 'run-2']) {
      await bed.send('PUT', `/api/v1/jobs/${id}`, {
        body: { space: 'ml101', command: ['true'] },
        headers: headers.owner,
      });
    }
    const volume = await bed.send('PUT', '/api/v1/volumes/plot', {
      body: { space: 'ml101' },
      headers: headers.owner,
    });
    expect(volume.status).toBe(201);
    await bed.store.links.add(
      { id: '0123456789ab', app: 'plot', label: 'x', expiresAt: new Date(Date.now() + 60_000) },
      { actor: 'owner' },
    );
    // Its removal waits for that host, so that everybody who may asks for it.
    await bed.store.volumes.settle(['plot'], 'lab-1', 'plot');
    await bed.store.apps.command({
      name: 'plot',
      verb: 'wake',
      cause: { actor: 'user', why: 'test' },
      operationId: 'first-wake',
    });
  });
  afterAll(() => bed.close());

  const ask = async (route: string, line: Line, caller: Caller) => {
    const [method = '', pattern = ''] = route.split(' ');
    const path =
      line.path ??
      pattern
        .replace(':name', 'plot')
        .replace(':id', 'run-1')
        .replace(':space', 'ml101')
        .replace(':person', 'eve');
    const answer = await bed.send(method, path, {
      ...(line.body === undefined ? {} : { body: line.body }),
      ...(line.form === undefined ? {} : { body: new URLSearchParams(line.form).toString() }),
      headers: {
        ...headers[caller],
        ...(line.form === undefined ? {} : { 'content-type': formType }),
      },
    });
    await answer.body?.cancel();
    return answer.status;
  };

  it('has a line for every route, and the program a rule: a route without one answers nobody', () => {
    const routes = new Set(
      bed.app.routes
        .filter(({ method }) => method !== 'ALL')
        .map(({ method, path }) => `${method} ${path}`),
    );
    expect(new Set(Object.keys(routeRules))).toEqual(routes);
    const ours = [...routes].filter((route) => routeRules[route] !== 'machine');
    expect(new Set(Object.keys(table))).toEqual(new Set(ours));
  });

  describe.each(Object.entries(table))('%s', (route, line) => {
    it(`is for ${line.least}, and nobody less`, async () => {
      for (const caller of callers) {
        const status = await ask(route, line, caller);
        const isTaken = ['stranger', 'viewer'].includes(caller) && status === line.taken;
        const isLetIn =
          !isTaken && ![401, 403].includes(status) && !(caller !== 'operator' && status === 404);
        const mayBe404 = line.least === 'anyone';
        expect([caller, isLetIn || mayBe404, status]).toEqual([
          caller,
          allowed[line.least]?.includes(caller),
          status,
        ]);
        if (caller === 'visitor' && !isLetIn && !mayBe404) expect(status).toBe(401);
      }
    });
  });

  it('tells who may not see an app that there is none, and who sees it what is missing', async () => {
    const hidden = await bed.send('POST', '/api/v1/apps/plot/stop', { headers: headers.stranger });
    expect(await problemOf(hidden)).toMatchObject({ status: 404, detail: 'there is no app plot' });
    const refused = await bed.send('POST', '/api/v1/apps/plot/stop', { headers: headers.user });
    expect(await problemOf(refused)).toMatchObject({
      status: 403,
      detail:
        'user may not stop or restart app/plot: that needs the role admin in the space ml101, or instructor as its owner; user is user there',
    });
  });

  it('keeps what happens in one space from people of another', async () => {
    const lists = [
      '/api/v1/apps',
      '/api/v1/volumes',
      '/api/v1/events?limit=500',
      '/api/v1/spaces',
      '/',
      '/manage',
      '/manage/events',
    ];
    for (const path of lists) {
      const text = async (caller: Caller) =>
        (await bed.send('GET', path, { headers: headers[caller] })).text();
      expect([path, (await text('stranger')).includes('plot')]).toEqual([path, false]);
      expect([path, (await text('stranger')).includes('ml101')]).toEqual([path, false]);
      expect([path, /plot|ml101/.test(await text('user'))]).toEqual([path, true]);
    }
  });

  it('does not tell whether a name is taken in a space one cannot see, only that it is taken', async () => {
    const answer = await bed.send('PUT', '/api/v1/apps/plot', {
      body: { space: 'bio', ...spec },
      headers: headers.stranger,
    });
    expect(await problemOf(answer)).toMatchObject({
      status: 409,
      detail: 'cannot register app/plot: the name is taken; choose another',
    });
  });

  it('moves an app only for who may change it and register where it goes', async () => {
    const move = (caller: Caller) =>
      bed.send('PUT', '/api/v1/apps/plot', {
        body: { space: 'bio', ...spec },
        headers: headers[caller],
      });
    expect((await move('owner')).status).toBe(403);
    expect((await move('admin')).status).toBe(403);
    expect((await bed.store.apps.find('plot'))?.space).toBe('ml101');
  });

  it('keeps secrets of one space from people of another, whatever space they ask for', async () => {
    const list = async (caller: Caller, query: string) => {
      const answer = await bed.send('GET', `/api/v1/secrets${query}`, { headers: headers[caller] });
      return [answer.status, (await answer.text()).includes('kept')];
    };
    expect(await list('instructor', '?space=ml101')).toEqual([200, true]);
    expect(await list('stranger', '?space=bio')).toEqual([200, false]);
    expect(await list('stranger', '?space=ml101')).toEqual([404, false]);
    expect(await list('stranger', '?space=bio&space=ml101')).toEqual([400, false]);
    expect(await list('stranger', '?space=ml101&space=bio')).toEqual([404, false]);
  });

  it('takes a role away from the next request on', async () => {
    const leaving = await bed.person('leaving', { ml101: 'user' });
    const show = () => bed.send('GET', '/api/v1/apps/plot', { headers: leaving });
    expect((await show()).status).toBe(200);
    await bed.store.spaces.setRole('ml101', 'leaving', null, { actor: 'admin' });
    expect((await show()).status).toBe(404);
  });
});
